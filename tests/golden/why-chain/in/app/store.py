PATH = __file__ + '/../rows.csv'


def load():
    from app import codec

    return codec
