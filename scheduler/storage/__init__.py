"""The database, its migrations, and the records of the installation itself. May import infra."""
