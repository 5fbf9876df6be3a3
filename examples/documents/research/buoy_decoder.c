/* buoy_decoder.c: turn frames of the VB buoys into lines of text.
 *
 * A frame is 18 bytes long: two bytes of preamble (0xB5 0x0A), the buoy number, a sequence number, four readings of
 * three bytes each and a checksum of two bytes. Readings are big-endian and count from zero: conductivity,
 * temperature, battery voltage, signal strength.
 *
 * Frames with a wrong checksum are counted and dropped. Nothing is ever repaired.
 */
#include <stdint.h>
#include <stdio.h>

#define FRAME_BYTES 18
#define READINGS 4

static uint16_t checksum(const uint8_t *frame) {
    uint16_t sum = 0x1911;
    for (int i = 0; i < FRAME_BYTES - 2; i++) sum = (uint16_t)(sum * 31 + frame[i]);
    return sum;
}

static uint32_t reading(const uint8_t *frame, int which) {
    const uint8_t *at = frame + 4 + 3 * which;
    return ((uint32_t)at[0] << 16) | ((uint32_t)at[1] << 8) | at[2];
}

int main(void) {
    uint8_t frame[FRAME_BYTES];
    unsigned long dropped = 0;
    while (fread(frame, 1, FRAME_BYTES, stdin) == FRAME_BYTES) {
        uint16_t told = (uint16_t)(frame[16] << 8 | frame[17]);
        if (frame[0] != 0xB5 || frame[1] != 0x0A || told != checksum(frame)) {
            dropped++;
            continue;
        }
        /* Conductivity comes in tenths of a microsiemens per centimetre, temperature in thousandths of a degree. */
        printf("VB-%u %u", frame[2], frame[3]);
        for (int i = 0; i < READINGS; i++) printf(" %u", reading(frame, i));
        printf("\n");
    }
    if (dropped) fprintf(stderr, "%lu frames dropped\n", dropped);
    return 0;
}
