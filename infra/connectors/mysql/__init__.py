"""MySQL and MariaDB: MariaDB from 10.3, MySQL from 8.0.17."""
