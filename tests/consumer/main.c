/* SPDX-License-Identifier: Apache-2.0 */
#include <saccade/saccade.h>
#include <stdio.h>

int main(void) {
    uint32_t version = sacGetVersion();
    printf("saccade %u.%u.%u\n", version >> 22, (version >> 12) & 0x3ffu, version & 0xfffu);
    return version == SAC_VERSION ? 0 : 1;
}
