from apart import b
