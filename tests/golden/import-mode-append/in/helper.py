WHO = "root"
