import missing_a
