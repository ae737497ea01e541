/* Stands in for libFuzzer in ordinary builds: feeds a fuzz target its inputs and returns.
 *
 * Arguments are files or folders.  A *.jsonl file is a list of vectors: the value of every "tx" and
 * "rx" in it is an input, whole, at every truncation and with every single bit flipped.  Any other
 * file is one input as it is.  The target must survive; the count of inputs is printed. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned long played;

/* From the heap and of exactly this size, so that a sanitizer sees the first byte beyond. */
static void
play(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size > 0 ? size : 1);

	if (copy == NULL)
		abort();
	memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
	played++;
}

static void
play_frame(uint8_t *frame, size_t size)
{
	for (size_t len = 0; len <= size; len++)
		play(frame, len);
	for (size_t bit = 0; bit < size * 8; bit++) {
		frame[bit / 8] ^= (uint8_t)(1u << bit % 8);
		play(frame, size);
		frame[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}

static int
hex_digit(char c)
{
	const char *digits = "0123456789abcdef", *at = c != '\0' ? strchr(digits, c | 0x20) : NULL;

	return at != NULL ? (int)(at - digits) : -1;
}

/* Bytes of the hex digits up to a quote; 0 when anything else is found. */
static size_t
unhex(const char *text, uint8_t *bytes)
{
	size_t n = 0;

	for (; *text != '"'; text += 2, n++) {
		int high = hex_digit(text[0]), low = high < 0 ? -1 : hex_digit(text[1]);

		if (low < 0)
			return 0;
		bytes[n] = (uint8_t)(high << 4 | low);
	}
	return n;
}

static int
play_vectors(const char *text)
{
	uint8_t *frame = malloc(strlen(text) / 2 + 1);

	if (frame == NULL)
		return 1;
	for (const char *p = text; (p = strstr(p, "x\": \"")) != NULL; p++)
		if (p - text >= 2 && p[-2] == '"' && (p[-1] == 't' || p[-1] == 'r'))
			play_frame(frame, unhex(p + 5, frame));
	free(frame);
	return 0;
}

static int
play_file(const char *path, size_t size)
{
	const char *dot = strrchr(path, '.');
	char *text = malloc(size + 1);
	FILE *file = fopen(path, "rb");
	int rc = 1;

	if (text == NULL || file == NULL || fread(text, 1, size, file) != size) {
		fprintf(stderr, "cannot read %s\n", path);
	} else {
		text[size] = '\0';
		rc = 0;
		if (dot != NULL && strcmp(dot, ".jsonl") == 0)
			rc = play_vectors(text);
		else
			play((const uint8_t *)text, size);
	}
	if (file != NULL)
		fclose(file);
	free(text);
	return rc;
}

static int
play_path(const char *path)
{
	struct dirent *entry;
	struct stat st;
	char inner[512];
	DIR *dir;
	int rc = 0;

	if (stat(path, &st) != 0) {
		fprintf(stderr, "no such file: %s\n", path);
		return 1;
	}
	if (S_ISREG(st.st_mode))
		return play_file(path, (size_t)st.st_size);
	if ((dir = opendir(path)) == NULL)
		return 1;
	while ((entry = readdir(dir)) != NULL) {
		snprintf(inner, sizeof(inner), "%s/%s", path, entry->d_name);
		if (entry->d_name[0] != '.' && stat(inner, &st) == 0 && S_ISREG(st.st_mode))
			rc |= play_file(inner, (size_t)st.st_size);
	}
	closedir(dir);
	return rc;
}

int
main(int argc, char **argv)
{
	int rc = 0;

	for (int i = 1; i < argc; i++)
		rc |= play_path(argv[i]);
	printf("replayed %lu inputs\n", played);
	return rc;
}
