WHO = 1
