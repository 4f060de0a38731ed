// Small kernels that show the emulator's own behaviour, right and wrong ones.
#pragma once

#include <string>

int probe(const std::string& name, unsigned order);
