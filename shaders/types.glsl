// Storage types. Arithmetic is always fp32: convert on load with float(...) or vec4(...), on store with T(...) or T4(...).
#ifdef STORE_F16
#extension GL_EXT_shader_16bit_storage : require
#define T float16_t
#define T4 f16vec4
#else
#define T float
#define T4 vec4
#endif
