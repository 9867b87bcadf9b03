# Finds RocksDB; defines the imported target rocksdb::rocksdb. Its own package would want the packages of everything
# that it was built with. Works without pkg-config, which only gives hints.
find_package(PkgConfig QUIET)
if(PKG_CONFIG_FOUND)
    pkg_check_modules(PC_rocksdb QUIET rocksdb)
endif()
find_path(rocksdb_INCLUDE_DIR NAMES rocksdb/cache.h HINTS ${PC_rocksdb_INCLUDE_DIRS})
find_library(rocksdb_LIBRARY NAMES rocksdb HINTS ${PC_rocksdb_LIBRARY_DIRS})
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(rocksdb REQUIRED_VARS rocksdb_LIBRARY rocksdb_INCLUDE_DIR)
if(rocksdb_FOUND AND NOT TARGET rocksdb::rocksdb)
    add_library(rocksdb::rocksdb UNKNOWN IMPORTED)
    set_target_properties(rocksdb::rocksdb PROPERTIES
        IMPORTED_LOCATION "${rocksdb_LIBRARY}"
        INTERFACE_INCLUDE_DIRECTORIES "${rocksdb_INCLUDE_DIR}")
endif()
mark_as_advanced(rocksdb_INCLUDE_DIR rocksdb_LIBRARY)
