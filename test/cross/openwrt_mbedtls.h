/* What OpenWrt 24.10 changes in the default configuration of Mbed TLS 3.6 when nobody chose
 * otherwise in its menu. scripts/build-system-mbedtls appends it to the library's own header, so
 * that the variant of the package for the system's library is built and tested against a library
 * like a router's. */

/* Not on a router: old or rare ciphers, curves and modes. */
#undef MBEDTLS_ARIA_C
#undef MBEDTLS_CAMELLIA_C
#undef MBEDTLS_CCM_C
#undef MBEDTLS_RIPEMD160_C
#undef MBEDTLS_CIPHER_MODE_OFB
#undef MBEDTLS_CIPHER_MODE_XTS
#undef MBEDTLS_ECP_DP_SECP192R1_ENABLED
#undef MBEDTLS_ECP_DP_SECP224R1_ENABLED
#undef MBEDTLS_ECP_DP_SECP192K1_ENABLED
#undef MBEDTLS_ECP_DP_SECP224K1_ENABLED
#undef MBEDTLS_ECP_DP_BP256R1_ENABLED
#undef MBEDTLS_ECP_DP_BP384R1_ENABLED
#undef MBEDTLS_ECP_DP_BP512R1_ENABLED
#undef MBEDTLS_ECP_DP_CURVE448_ENABLED

/* Key exchanges of TLS 1.2 without forward secrecy, or with finite fields. */
#undef MBEDTLS_KEY_EXCHANGE_DHE_PSK_ENABLED
#undef MBEDTLS_KEY_EXCHANGE_RSA_PSK_ENABLED
#undef MBEDTLS_KEY_EXCHANGE_RSA_ENABLED
#undef MBEDTLS_KEY_EXCHANGE_DHE_RSA_ENABLED
#undef MBEDTLS_KEY_EXCHANGE_ECDH_ECDSA_ENABLED
#undef MBEDTLS_KEY_EXCHANGE_ECDH_RSA_ENABLED
#undef MBEDTLS_ECJPAKE_C
#undef MBEDTLS_SSL_RENEGOTIATION

/* What helps developers only. */
#undef MBEDTLS_DEBUG_C
#undef MBEDTLS_SELF_TEST
#undef MBEDTLS_VERSION_C
#undef MBEDTLS_VERSION_FEATURES

/* The C library is used as it is. */
#undef MBEDTLS_PLATFORM_C

#define MBEDTLS_ENTROPY_FORCE_SHA256
#define MBEDTLS_RSA_NO_CRT
#define MBEDTLS_THREADING_C
#define MBEDTLS_THREADING_PTHREAD
