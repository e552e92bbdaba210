"""The database: SQLAlchemy Core on SQLite, MySQL and MariaDB.

Plain functions of a connection; values leave this room, rows never do.
"""
