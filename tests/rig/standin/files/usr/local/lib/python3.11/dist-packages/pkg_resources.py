"""The one class that supervisor needs of setuptools' pkg_resources. The real one is half of the CPU time of every
`supervisorctl`, and on two cores that is what most tests would wait for."""

import importlib


class EntryPoint:
    def __init__(self, module, attribute):
        self.module, self.attribute = module, attribute

    @classmethod
    def parse(cls, text):
        """`name=package.module:attribute`"""
        module, _, attribute = text.partition("=")[2].strip().partition(":")
        return cls(module, attribute)

    def resolve(self):
        return getattr(importlib.import_module(self.module), self.attribute)
