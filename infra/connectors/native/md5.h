/* MD5, as RFC 1321 describes it: a fingerprint of rows, no protection against anybody. */
#ifndef WHERRY_MD5_H
#define WHERRY_MD5_H

#include <stddef.h>
#include <stdint.h>

#define MD5_SIZE 16
#define MD5_HEX_SIZE 32

void md5(const void *bytes, size_t size, uint8_t digest[MD5_SIZE]);
/* Write the lower-case hex digits of a digest, without a NUL. */
void md5_hex(const void *bytes, size_t size, char out[MD5_HEX_SIZE]);

#endif
