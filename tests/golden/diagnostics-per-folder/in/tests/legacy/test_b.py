import missing_b
