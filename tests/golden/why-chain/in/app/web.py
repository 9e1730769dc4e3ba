import os

from app import store
