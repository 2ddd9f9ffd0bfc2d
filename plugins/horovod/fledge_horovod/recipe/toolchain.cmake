# Horovod asks for C++14, and torch's headers need C++20. CMake includes this file as the toolchain, and again after each
# project(): there the compiler's flags are known and not used yet.
set(CMAKE_PROJECT_INCLUDE "${CMAKE_CURRENT_LIST_FILE}")
set(CMAKE_CXX14_STANDARD_COMPILE_OPTION "-std=c++20")

# No debug symbols: with them the wheel is many times as large. Horovod's errors name its files, and nobody knows the
# folder that they were compiled in.
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -DNDEBUG -fmacro-prefix-map=${CMAKE_SOURCE_DIR}/=")

# Builds for GPUs use Horovod's own FindPytorch.cmake, all others the one beside this file.
if("$ENV{HOROVOD_GPU_OPERATIONS}" STREQUAL "")
    list(PREPEND CMAKE_MODULE_PATH "${CMAKE_CURRENT_LIST_DIR}")
endif()
