/*
 * Times ChaCha20-Poly1305 of OpenSSL as a gateway would call it: one packet at
 * a time, context and key kept, a nonce of its own for each packet. Processor
 * time counts, as others may be busy.
 *
 *     evp MILLISECONDS SIZE...
 *
 * Prints a line of JSON for each size: ns per packet, and a sealed packet in
 * hexadecimal to compare with others. Key, message and nonce are those of
 * aead_contenders.ts.
 */
#include <openssl/evp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { KEY = 32, NONCE = 12, COUNTER_AT = 4, TAG = 16, LARGEST = 2048 };
enum { PACKETS_PER_LOOK = 256 };
static const uint64_t SHOWN_COUNTER = 7;

static EVP_CIPHER_CTX *sealer, *opener;
static unsigned char message[LARGEST], packet[LARGEST], target[LARGEST];

static void must(int ok) {
  if (ok == 1) return;
  fprintf(stderr, "Cannot compute by OpenSSL\n");
  exit(1);
}

static void write_nonce(unsigned char *nonce, uint64_t counter) {
  memset(nonce, 0, NONCE);
  for (int i = 0; i < 8; i++) nonce[COUNTER_AT + i] = counter >> (8 * i);
}

static void seal(uint64_t counter, int size, unsigned char *out) {
  unsigned char nonce[NONCE];
  int length;
  write_nonce(nonce, counter);
  must(EVP_EncryptInit_ex(sealer, NULL, NULL, NULL, nonce));
  must(EVP_EncryptUpdate(sealer, out, &length, message, size));
  must(EVP_EncryptFinal_ex(sealer, out + length, &length));
  must(EVP_CIPHER_CTX_ctrl(sealer, EVP_CTRL_AEAD_GET_TAG, TAG, out + size));
}

static void open_packet(uint64_t counter, int size) {
  unsigned char nonce[NONCE];
  int length;
  write_nonce(nonce, counter);
  must(EVP_DecryptInit_ex(opener, NULL, NULL, NULL, nonce));
  must(EVP_CIPHER_CTX_ctrl(opener, EVP_CTRL_AEAD_SET_TAG, TAG, packet + size));
  must(EVP_DecryptUpdate(opener, target, &length, packet, size));
  must(EVP_DecryptFinal_ex(opener, target + length, &length));
}

static void seal_next(uint64_t i, int size) { seal(i, size, target); }

static void open_same(uint64_t i, int size) {
  (void)i;
  open_packet(SHOWN_COUNTER, size);
}

static double now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return time.tv_sec * 1e9 + time.tv_nsec;
}

static double time_ns(void (*work)(uint64_t, int), int size, double limit_ns) {
  uint64_t count = 0;
  double begin = now_ns(), elapsed;
  do {
    for (int i = 0; i < PACKETS_PER_LOOK; i++) work(count++, size);
    elapsed = now_ns() - begin;
  } while (elapsed < limit_ns);
  return elapsed / count;
}

int main(int count, char **arguments) {
  unsigned char key[KEY];
  for (int i = 0; i < KEY; i++) key[i] = i;
  for (int i = 0; i < LARGEST; i++) message[i] = i;
  sealer = EVP_CIPHER_CTX_new();
  opener = EVP_CIPHER_CTX_new();
  must(EVP_EncryptInit_ex(sealer, EVP_chacha20_poly1305(), NULL, key, NULL));
  must(EVP_DecryptInit_ex(opener, EVP_chacha20_poly1305(), NULL, key, NULL));
  double limit_ns = count > 1 ? atof(arguments[1]) * 1e6 : 0;
  for (int i = 2; i < count; i++) {
    int size = atoi(arguments[i]);
    if (size < 1 || size > LARGEST - TAG) return 2;
    seal(SHOWN_COUNTER, size, packet);
    double seal_ns = time_ns(seal_next, size, limit_ns);
    double open_ns = time_ns(open_same, size, limit_ns);
    printf("{\"size\":%d,\"sealNs\":%.1f,\"openNs\":%.1f,\"sealed\":\"", size,
           seal_ns, open_ns);
    for (int at = 0; at < size + TAG; at++) printf("%02x", packet[at]);
    printf("\"}\n");
  }
  return 0;
}
