/* The public header by itself, as C99 with warnings as errors; a use of it keeps the unit from being empty. */
#include <saccade/saccade.h>

uint32_t saccadeHeaderVersion(void) { return SAC_VERSION; }
