/* Prints the files named on the command line as one table of C, so that the program carries them. */
#include <stdio.h>
#include <string.h>

static int embed_file(const char *path) {
    FILE *f = fopen(path, "rb");
    if (!f) {
        perror(path);
        return 1;
    }
    const char *slash = strrchr(path, '/');
    printf("    {\"%s\", (const char[]){", slash ? slash + 1 : path);
    unsigned long n = 0;
    for (int c; (c = fgetc(f)) != EOF; n++)
        printf("%s%d,", n % 24 ? "" : "\n        ", (int)(signed char)c);
    printf("0}, %lu},\n", n);
    fclose(f);
    return 0;
}

int main(int argc, char **argv) {
    puts("#include \"base/embedded.h\"\n\nconst struct embedded_file embedded_files[] = {");
    for (int i = 1; i < argc; i++)
        if (embed_file(argv[i]))
            return 1;
    puts("    {0, 0, 0},\n};");
    return 0;
}
