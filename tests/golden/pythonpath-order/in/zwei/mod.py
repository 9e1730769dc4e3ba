WHO = 2
