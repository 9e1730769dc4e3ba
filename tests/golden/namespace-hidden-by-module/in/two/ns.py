mod = "an attribute"
