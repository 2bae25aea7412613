#include "coverage/sign.h"

int main(void) { return sign(5) == 1 ? 0 : 1; }
