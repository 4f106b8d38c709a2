-- A case log as schema 0001 wrote it: ten cases from intake to outcome, and a recall.
INSERT INTO versions (use_case, model, version, digest, run_id, dataset_digest, trained_by, trained_at, code_version, learned, certificate, four_eyes, seq) VALUES
('claims', 'claims-fraud', 1, '65566c80c7389a5d8621eba203e74775d6f8838b9cd2bea9355093d4f76da2e3', 'run-1', '3a6eb0790f39ac87c94f3856b2dd2c5d', 'tim', '2026-03-01T00:00:00.000000Z', 'abc123', '{"rows":1000}', NULL, 1, 1);
INSERT INTO evidence (use_case, model, version, round, evidence_digest, evidence, certificate, seq) VALUES
('claims', 'claims-fraud', 1, 0, 'e1', '{}', NULL, 2);
INSERT INTO approvals (use_case, model, version, evidence_digest, approver, channel, comment, seq) VALUES
('claims', 'claims-fraud', 1, 'e1', 'ann', 'python', '', 3);
INSERT INTO promotions (use_case, model, number, at, action, version, predecessor, withdrawn_version, proposer, approver, reason, gates, evidence_digest, seq) VALUES
('claims', 'claims-fraud', 1, '2026-11-22T13:44:12.409642Z', 'promote', 1, NULL, NULL, 'pat', 'ann', 'better on the same rows', '[]', 'e1', 4);
INSERT INTO cases (use_case, case_id, received_at, body, digest, seq) VALUES
('claims', 'case-000', '2026-03-01T00:00:00.000000Z', '{"case_id":"case-000","note":""}', '58f1de46c8c594035c1aed60dcdd74bb7a4184cb5f84fb94b86c6f0cccbac29a', 5),
('claims', 'case-001', '2026-03-01T00:00:00.000000Z', '{"case_id":"case-001","note":""}', '54786dda730a9d84640681f299cec9dcd2d6f4f906d451a0c8adc806fe740858', 5),
('claims', 'case-002', '2026-03-01T00:00:00.000000Z', '{"case_id":"case-002","note":""}', '1ddd2e346217f2dfa745032187154b999016d8e6ceb9d3c264aa2e40a0d8bc30', 5),
('claims', 'case-003', '2026-03-01T00:00:00.000000Z', '{"case_id":"case-003","note":""}', '6b828d011960cbaf5ddf3a7b56e8d5d39bd0105313ee5d4049fe565e123eb6c1', 5),
('claims', 'case-004', '2026-03-01T00:00:00.000000Z', '{"case_id":"case-004","note":""}', 'd0928ebe9c7e48d13c39541f70e4457056f6a73ea40ce5e802b74e91b7f12bd2', 5),
('claims', 'case-005', '2026-03-01T00:00:00.000000Z', '{"case_id":"case-005","note":""}', '2603a4d8415acd7171db8dd48922d3051492f08cb6559cc0ae5f43295041bc86', 5),
('claims', 'case-006', '2026-03-01T00:00:00.000000Z', '{"case_id":"case-006","note":""}', '7334c3923cdf6d6a82cc7080501690f8ec6db92317978deeb27a1b715db2c434', 5),
('claims', 'case-007', '2026-03-01T00:00:00.000000Z', '{"case_id":"case-007","note":""}', '5039e110cc5da33154957906715da1c2a6c9187a813ac2c31ffa27b0818c0519', 5),
('claims', 'case-008', '2026-03-01T00:00:00.000000Z', '{"case_id":"case-008","note":""}', 'ab469022248ce945adb666eabd28ec26686c77faa68136f0682f05ad816359a3', 5),
('claims', 'case-009', '2026-03-01T00:00:00.000000Z', '{"case_id":"case-009","note":""}', 'e905c354236f340122928b0687e24105c7e459becf32fc67ce3a7bece8d1cb59', 5);
INSERT INTO quarantine (use_case, digest, stage, case_id, reason, raw, source, attempts, seq) VALUES
('claims', 'f526795c95399cea27c055c842c3d6ab018ed0fa4f66f701c28ab22dec28237b', 'intake', NULL, 'amount: missing', 'broken', 'inbox/march.csv', 1, 6);
INSERT INTO predictions (use_case, case_id, model, revision, version, value, confidence, scores, seq) VALUES
('claims', 'case-000', 'claims-fraud', 0, 1, '"pay"', 0.75, '{"pay":0.75,"deny":0.25}', 7),
('claims', 'case-001', 'claims-fraud', 0, 1, '"pay"', 0.75, '{"pay":0.75,"deny":0.25}', 7),
('claims', 'case-002', 'claims-fraud', 0, 1, '"pay"', 0.75, '{"pay":0.75,"deny":0.25}', 7),
('claims', 'case-003', 'claims-fraud', 0, 1, '"pay"', 0.75, '{"pay":0.75,"deny":0.25}', 7),
('claims', 'case-004', 'claims-fraud', 0, 1, '"pay"', 0.75, '{"pay":0.75,"deny":0.25}', 7),
('claims', 'case-005', 'claims-fraud', 0, 1, '"pay"', 0.75, '{"pay":0.75,"deny":0.25}', 7),
('claims', 'case-006', 'claims-fraud', 0, 1, '"pay"', 0.75, '{"pay":0.75,"deny":0.25}', 7),
('claims', 'case-007', 'claims-fraud', 0, 1, '"pay"', 0.75, '{"pay":0.75,"deny":0.25}', 7),
('claims', 'case-008', 'claims-fraud', 0, 1, '"pay"', 0.75, '{"pay":0.75,"deny":0.25}', 7),
('claims', 'case-009', 'claims-fraud', 0, 1, '"pay"', 0.75, '{"pay":0.75,"deny":0.25}', 7);
INSERT INTO decisions (use_case, case_id, revision, verdict, reason, actor, actor_kind, policy_version, replaces, review_round, shown, channel, seq) VALUES
('claims', 'case-000', 0, 'pay', 'auto: certified', 'policy', 'policy', '0123456789ab', NULL, NULL, NULL, NULL, 8),
('claims', 'case-000', 1, 'deny', 'seen the file', 'ann', 'person', NULL, 0, 0, 'page 1', 'python', 13),
('claims', 'case-001', 0, 'pay', 'auto: certified', 'policy', 'policy', '0123456789ab', NULL, NULL, NULL, NULL, 8),
('claims', 'case-002', 0, 'pay', 'auto: certified', 'policy', 'policy', '0123456789ab', NULL, NULL, NULL, NULL, 8),
('claims', 'case-002', 1, 'deny', 'recall', 'recall', 'policy', 'p2', 0, NULL, NULL, NULL, 14),
('claims', 'case-003', 0, 'pay', 'auto: certified', 'policy', 'policy', '0123456789ab', NULL, NULL, NULL, NULL, 8),
('claims', 'case-004', 0, 'pay', 'auto: certified', 'policy', 'policy', '0123456789ab', NULL, NULL, NULL, NULL, 8),
('claims', 'case-005', 0, 'pay', 'auto: certified', 'policy', 'policy', '0123456789ab', NULL, NULL, NULL, NULL, 8),
('claims', 'case-006', 0, 'deny', 'seen the file', 'ann', 'person', NULL, NULL, 0, NULL, 'python', 10);
INSERT INTO reviews (use_case, case_id, round, reason, priority, due_at, question, policy_version, seq) VALUES
('claims', 'case-000', 0, 'recalled', 5.0, '2026-04-01T00:00:00.000000Z', 0, NULL, 12),
('claims', 'case-001', 0, 'recalled', 5.0, '2026-04-01T00:00:00.000000Z', 0, NULL, 12),
('claims', 'case-006', 0, 'confidence below 0.7', 1.0, '2026-04-01T00:00:00.000000Z', NULL, '0123456789ab', 9),
('claims', 'case-007', 0, 'confidence below 0.7', 1.0, '2026-04-01T00:00:00.000000Z', NULL, '0123456789ab', 9),
('claims', 'case-008', 0, 'confidence below 0.7', 1.0, '2026-04-01T00:00:00.000000Z', NULL, '0123456789ab', 9),
('claims', 'case-009', 0, 'confidence below 0.7', 1.0, '2026-04-01T00:00:00.000000Z', NULL, '0123456789ab', 9);
INSERT INTO outcomes (use_case, case_id, name, known_at, event_at, value, seq) VALUES
('claims', 'case-000', 'paid', '2026-04-01T00:00:00.000000Z', NULL, '1', 11),
('claims', 'case-001', 'paid', '2026-04-01T00:00:00.000000Z', NULL, '0', 11),
('claims', 'case-002', 'paid', '2026-04-01T00:00:00.000000Z', NULL, '1', 11);
INSERT INTO batches (use_case, batch_id, source, owner, fence, attempts, expires, state) VALUES
('claims', 'ba7c4', 'inbox/march.csv', 'worker', 1, 1, 0.0, 'done');
INSERT INTO audit (use_case, seq, at, actor, kind, table_name, row_count, batch_id, detail, digest, previous, hash) VALUES
('claims', 1, '2026-11-22T13:44:12.405962Z', 'tim', 'register', 'versions', 1, NULL, NULL, '23df3b56871b8fff158923cdbe757c9052276c46c8503b6154bb31eca683f137', '0000000000000000000000000000000000000000000000000000000000000000', '8a8ae4776ffcd62926627b398d2162e2fccbcbbb2f250234cd6149bfece11f47'),
('claims', 2, '2026-11-22T13:44:12.405962Z', 'tim', 'register', 'evidence', 1, NULL, NULL, '2a751c12198d5f7755dd310768a6986296994a96750899ac60b0c2206719a0b5', '8a8ae4776ffcd62926627b398d2162e2fccbcbbb2f250234cd6149bfece11f47', '9f86e70e06aea55e25b3246ae8b7e53f165855065abd3d6d7996952ee8af1ffe'),
('claims', 3, '2026-11-22T13:44:12.408107Z', 'ann', 'approve', 'approvals', 1, NULL, NULL, '8585ac8c66515c10d38162f3698330900332c32c2a0a9d9a207244716e4213c4', '9f86e70e06aea55e25b3246ae8b7e53f165855065abd3d6d7996952ee8af1ffe', 'aba7cded6a8dbe33b88a9dbb3322281b96dea4037919b540fac2f6f17eb66928'),
('claims', 4, '2026-11-22T13:44:12.409642Z', 'pat', 'promote', 'promotions', 1, NULL, NULL, 'e5f90baed3eaabc5576e10abb49ba33d97284ea1f02fd1dfbb6abd863d4502dd', 'aba7cded6a8dbe33b88a9dbb3322281b96dea4037919b540fac2f6f17eb66928', '3ab837b9816fa5d02e12ba3b6408b658134277d22972971ef3ebc977ce86985d'),
('claims', 5, '2026-11-22T13:44:12.411339Z', 'worker', 'intake', 'cases', 10, 'ba7c4', NULL, '59e92293ab730044a3f63527799a2aa3dc6cc850d20de6e4f20386195d31d1a6', '3ab837b9816fa5d02e12ba3b6408b658134277d22972971ef3ebc977ce86985d', 'cb29a06a49fbf46b83c55a72d61e9c4632732ec44359f33452ad5f80b12e151b'),
('claims', 6, '2026-11-22T13:44:12.412350Z', 'worker', 'quarantine', 'quarantine', 1, 'ba7c4', NULL, 'ff818280cb57d0bbcb08ac821294823613ae058fdaf1771f614db6834c242196', 'cb29a06a49fbf46b83c55a72d61e9c4632732ec44359f33452ad5f80b12e151b', '7b443dba521dbe6316cb01d6579a39c1f2519df9df97b1d4e182dd76aabb41c1'),
('claims', 7, '2026-11-22T13:44:12.413455Z', 'worker', 'predict', 'predictions', 10, 'ba7c4', NULL, '4da025e8a7f4bcf21f5155dcc3c4d5eeed4d90899406a828848aae386a4a283b', '7b443dba521dbe6316cb01d6579a39c1f2519df9df97b1d4e182dd76aabb41c1', '19221f8a9f3e00320d1d31d3ee3b95733145ea5bd7254fe0ec7433d0ab6435b5'),
('claims', 8, '2026-11-22T13:44:12.414701Z', 'worker', 'review', 'decisions', 6, 'ba7c4', '{"policy":"0123456789ab","certificate":"{\"threshold\":0.7}"}', 'cd570cf33de44d895f3950db64b15fd0742f6b76c5059069dff2a7bcef2311c8', '19221f8a9f3e00320d1d31d3ee3b95733145ea5bd7254fe0ec7433d0ab6435b5', 'a53b752582fcac4f622d174776430e79ae9169996eef4b09c8664b2333a0476f'),
('claims', 9, '2026-11-22T13:44:12.414701Z', 'worker', 'review', 'reviews', 4, 'ba7c4', '{"policy":"0123456789ab","certificate":"{\"threshold\":0.7}"}', '687064ef8060340ff26042fb501f166c16dd7a8e9a6642121667979a25652e71', 'a53b752582fcac4f622d174776430e79ae9169996eef4b09c8664b2333a0476f', '9e0d3871034ffa112ab5ecd639ef09febd4adf6a38ecc266da375b401fb1e9be'),
('claims', 10, '2026-11-22T13:44:12.418241Z', 'ann', 'decide', 'decisions', 1, NULL, NULL, 'dfb0998fdae7ab6e9d8ffb25340bd5b18bac95f1e504400174e7a330712bc046', '9e0d3871034ffa112ab5ecd639ef09febd4adf6a38ecc266da375b401fb1e9be', '758ba06d9544767d5a1c10a0cdbfab76164ba0058bfbeb74baee0a8cc0a23175'),
('claims', 11, '2026-11-22T13:44:12.420877Z', '', 'outcomes', 'outcomes', 3, NULL, NULL, '907f989657f1e07eb0ef66bf8ff9b117ecc6be892c124895edd348e130c367b6', '758ba06d9544767d5a1c10a0cdbfab76164ba0058bfbeb74baee0a8cc0a23175', 'a50ed785aae8662a7b8cb1066c30c485e7a18c56abe633d24b027ff35adb3bda'),
('claims', 12, '2026-11-22T13:44:12.421946Z', 'recall', 'recall', 'reviews', 2, NULL, NULL, 'faaa8d300f8338b85beba9c0adaa575d4b08de4d62e6da3411eca8cf9e1330a8', 'a50ed785aae8662a7b8cb1066c30c485e7a18c56abe633d24b027ff35adb3bda', '31bb442ae2a6e4888eb65acf2decc83f9cd7962ec086bb1a1916a110a31a0415'),
('claims', 13, '2026-11-22T13:44:12.423111Z', 'ann', 'decide', 'decisions', 1, NULL, NULL, '93e457e6ea52a22e6ac3145592d679ee16200419775d53baad4e75041c6950fa', '31bb442ae2a6e4888eb65acf2decc83f9cd7962ec086bb1a1916a110a31a0415', '9644d5cc20f8d5546d48cfa0b817cf660b7d65032a102a5f01c8d98e8db71f06'),
('claims', 14, '2026-11-22T13:44:12.424209Z', 'recall', 'recall', 'decisions', 1, NULL, '{"policy":"p2","certificate":null}', '027d0f2ebddd4f1bc82e4e4c362101920f75757101c81ee4f675bf8915114c0b', '9644d5cc20f8d5546d48cfa0b817cf660b7d65032a102a5f01c8d98e8db71f06', '95ee72eb1846302411f2953009d36c3dd3514008c1e1e6873fc7a79f2f330389');
INSERT INTO audit_heads (use_case, seq, hash) VALUES
('claims', 14, '95ee72eb1846302411f2953009d36c3dd3514008c1e1e6873fc7a79f2f330389');
