"""Generators and random images, shared by the tests of the augmentation."""

import torch


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def noise(*shape, seed=0):
    return torch.rand(*shape, generator=rng(seed))
