from base import Base
class Derived(Base):
    pass
