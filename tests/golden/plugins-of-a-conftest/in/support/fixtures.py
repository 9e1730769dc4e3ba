import support.db
