# The package: find_package(tiercel COMPONENTS core redis ...) and pkg-config.
include_guard(GLOBAL)
