import missing_c
