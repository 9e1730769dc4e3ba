# -*- coding: utf-8 -*-
import grün
def test_it():
    pass
