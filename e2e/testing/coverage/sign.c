#include "coverage/sign.h"

int sign(int number) {
  if (number < 0) {
    return -1;
  }
  return number > 0;
}
