"""The SQLite file that remembers every run: migrations, one writer, named queries, views."""
