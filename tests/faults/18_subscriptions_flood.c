#include "faults.h"
int main (void) { return 0; }
