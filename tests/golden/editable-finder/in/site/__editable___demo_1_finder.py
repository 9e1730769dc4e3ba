MAPPING = {"demo": "TREE/code/inner", "single": "TREE/code/single", "virtual.part": "TREE/code/part"}
NAMESPACES = {"space": ["TREE/code/space"], "virtual": []}
