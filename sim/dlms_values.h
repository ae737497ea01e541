/* The momentary values of simulated СПОДЭС meters (meter-spodes-dlms.md 10.2), written once. */
#ifndef USPD_SIM_DLMS_VALUES_H
#define USPD_SIM_DLMS_VALUES_H

enum { SIM_PHASES_ANY, SIM_PHASES_ONE, SIM_PHASES_THREE };
enum { SIM_SIGN_NONE, SIM_SIGN_P, SIM_SIGN_Q };

/* C and E of 1.0.C.7.E, meters that have it, member of struct sim_instant, type, scaler, unit, sign. */
#define SIM_DLMS_INSTANTS(ROW) \
	ROW(12, 0, ONE, u[0], AX_U16, -2, 35, NONE) \
	ROW(11, 0, ONE, i[0], AX_U32, -3, 33, NONE) \
	ROW(91, 0, ONE, i[0], AX_U32, -3, 33, NONE) \
	ROW(32, 0, THREE, u[0], AX_U16, -2, 35, NONE) \
	ROW(52, 0, THREE, u[1], AX_U16, -2, 35, NONE) \
	ROW(72, 0, THREE, u[2], AX_U16, -2, 35, NONE) \
	ROW(31, 0, THREE, i[0], AX_U32, -3, 33, NONE) \
	ROW(51, 0, THREE, i[1], AX_U32, -3, 33, NONE) \
	ROW(71, 0, THREE, i[2], AX_U32, -3, 33, NONE) \
	ROW(1, 0, ANY, p[0], AX_I32, -2, 27, P) \
	ROW(21, 0, THREE, p[1], AX_I32, -2, 27, P) \
	ROW(41, 0, THREE, p[2], AX_I32, -2, 27, P) \
	ROW(61, 0, THREE, p[3], AX_I32, -2, 27, P) \
	ROW(3, 0, ANY, q[0], AX_I32, -2, 29, Q) \
	ROW(23, 0, THREE, q[1], AX_I32, -2, 29, Q) \
	ROW(43, 0, THREE, q[2], AX_I32, -2, 29, Q) \
	ROW(63, 0, THREE, q[3], AX_I32, -2, 29, Q) \
	ROW(9, 0, ANY, s[0], AX_U32, -2, 28, NONE) \
	ROW(29, 0, THREE, s[1], AX_U32, -2, 28, NONE) \
	ROW(49, 0, THREE, s[2], AX_U32, -2, 28, NONE) \
	ROW(69, 0, THREE, s[3], AX_U32, -2, 28, NONE) \
	ROW(13, 0, ANY, cosine[0], AX_I16, -3, 255, NONE) \
	ROW(33, 0, THREE, cosine[1], AX_I16, -3, 255, NONE) \
	ROW(53, 0, THREE, cosine[2], AX_I16, -3, 255, NONE) \
	ROW(73, 0, THREE, cosine[3], AX_I16, -3, 255, NONE) \
	ROW(14, 0, ANY, frequency, AX_U16, -2, 44, NONE) \
	ROW(81, 10, THREE, angle[0], AX_U16, -2, 8, NONE) \
	ROW(81, 21, THREE, angle[2], AX_U16, -2, 8, NONE) \
	ROW(81, 20, THREE, angle[1], AX_U16, -2, 8, NONE) \
	ROW(81, 1, THREE, angle[0], AX_U16, -2, 8, NONE) \
	ROW(81, 12, THREE, angle[2], AX_U16, -2, 8, NONE) \
	ROW(81, 2, THREE, angle[1], AX_U16, -2, 8, NONE)

enum sim_dlms_instant {
#define ROW(c, e, ...) SIM_INSTANT_##c##_##e,
	SIM_DLMS_INSTANTS(ROW)
#undef ROW
};

#endif
