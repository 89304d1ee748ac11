// System header of SQLite 3 and the constants Swift cannot import. No logic here.
#ifndef GATEHOUSE_CSQLITE_SHIM_H
#define GATEHOUSE_CSQLITE_SHIM_H

#include <sqlite3.h>

static inline sqlite3_destructor_type gh_sqlite_transient(void) { return SQLITE_TRANSIENT; }
static inline sqlite3_destructor_type gh_sqlite_static(void) { return SQLITE_STATIC; }

#endif
