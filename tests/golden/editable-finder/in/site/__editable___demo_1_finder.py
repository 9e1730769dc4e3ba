MAPPING = {"demo": "TREE/code/inner", "single": "TREE/code/uno", "virtual.part": "TREE/code/part"}
NAMESPACES = {"space": ["TREE/code/space"], "virtual": []}
