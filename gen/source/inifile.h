#ifndef SOURCE_INIFILE_H
#define SOURCE_INIFILE_H

#include "base/str.h"

struct ini;
struct toml;
struct config;

/* The file that pytest takes its configuration from, or none: then all is empty. */
struct inifile {
    const char *path;
    const struct ini *ini; /* of an INI file, with the section that counts */
    const char *section;
    const struct toml *table; /* of a TOML file: the table that counts */
    bool native;              /* its values have TOML's types (pytest 9: [tool.pytest], pytest.toml) */
};

/* A value of it as written. */
struct inivalue {
    const char *text;        /* of an INI file or an override; NULL when it is TOML's */
    const struct toml *toml; /* or NULL */
    bool native;
    uint32_t line; /* 0 for an override */
};

/*
 * locate_config() and determine_setup() of _pytest/config/findpaths.py for an invocation in the folder `dir`,
 * which is a real path: sets the rootdir and inipath of the configuration and adds to its inputs. Options in
 * addopts come too late to change this. False when a file cannot be read as pytest would, which has been
 * reported.
 */
bool inifile_locate(struct arena *a, const char *dir, struct config *c, struct inifile *f);

/* False when the file has no such value. */
bool inifile_find(const struct inifile *f, const char *name, struct inivalue *v);

/* The whole of a TOML file; NULL when it cannot be read, which has been reported. */
const struct toml *inifile_read_toml(struct arena *a, const char *path);

#endif
