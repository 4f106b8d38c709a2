import os
from pathlib import Path
import psycopg
from aiops_flows import drill
from aiops_flows.settings import Settings
def test_it(postgres_url, tmp_path):
    with psycopg.connect(postgres_url, autocommit=True) as c:
        c.execute("ALTER DATABASE %s SET synchronous_commit = on" % postgres_url.rsplit("/",1)[1])
    s=Settings(home=Path("/tmp/w/drillhome"), database_url=postgres_url, lease_seconds=2)
    st=drill.set_stage(s,tmp_path)
    r=drill.chaos(st, drill.Chaos(kills=100, size=50, seed=5, kill_backends=True, seconds=120))
    print(r)
    assert not r.violations
