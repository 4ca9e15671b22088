#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>
#include <stdlib.h>

// Tests compile what they test: the user's cache is neither asked nor filled.
int main(int argc, char** argv) {
  setenv("HEED_CACHE", "off", 1);
  return doctest::Context(argc, argv).run();
}
