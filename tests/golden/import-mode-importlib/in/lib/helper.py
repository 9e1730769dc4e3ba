WHO = "lib"
