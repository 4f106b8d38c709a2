"""What the tasks do, as plain functions: callable without a Prefect server, each safe to run twice."""
