include_guard(GLOBAL)
include(GoogleTest)

# The targets tiercel_<label>_tests build all that the tests under a label run.
foreach(label unit contract integration)
    add_custom_target(tiercel_${label}_tests)
endforeach()

# tiercel_test_group(<label> <target>...)
function(tiercel_test_group label)
    if(NOT TARGET tiercel_${label}_tests)
        add_custom_target(tiercel_${label}_tests)
    endif()
    add_dependencies(tiercel_${label}_tests ${ARGN})
endfunction()

# tiercel_test(<name> LABEL unit|contract|integration SOURCES ... [ALONE ...] [LIBRARIES ...] [WHOLE])
# One GoogleTest binary; each of its tests becomes a ctest test under the label. WHOLE: all of them together become one,
# which is for tests that share a server slow to start; it is begun before the short ones. ALONE: sources that a unity
# build leaves on their own, because they name things as others do.
function(tiercel_test name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "WHOLE" "LABEL;TIMEOUT" "SOURCES;ALONE;LIBRARIES")
    if(NOT arg_TIMEOUT)
        set(arg_TIMEOUT 120)
    endif()
    add_executable(${name} ${arg_SOURCES} ${arg_ALONE})
    if(arg_ALONE)
        set_source_files_properties(${arg_ALONE} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
    endif()
    target_link_libraries(${name} PRIVATE ${arg_LIBRARIES} GTest::gmock GTest::gtest_main tiercel_own_flags)
    tiercel_test_group(${arg_LABEL} ${name})
    if(arg_WHOLE)
        add_test(NAME ${name} COMMAND ${name})
        set_tests_properties(${name} PROPERTIES LABELS ${arg_LABEL} TIMEOUT ${arg_TIMEOUT} COST ${arg_TIMEOUT})
        return()
    endif()
    gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST
        PROPERTIES LABELS ${arg_LABEL} TIMEOUT ${arg_TIMEOUT})
endfunction()
