"""The control store's tables, a module per slice. `metadata` of `infra.db.tables.registry` knows them all."""
