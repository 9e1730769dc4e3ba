WHO = "outer"
