WHO = "inner"
