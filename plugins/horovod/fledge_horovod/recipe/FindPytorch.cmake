# In place of Horovod's own, in builds without GPUs: that one asks whether torch was built for CUDA, and if so looks for a
# CUDA toolkit that a CPU has no use for.
execute_process(
    COMMAND "${PY_EXE}" -c "import pathlib, torch
print(torch.__version__, int(torch.compiled_with_cxx11_abi()), pathlib.Path(torch.__file__).parent, sep=';')"
    OUTPUT_VARIABLE _torch OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
list(GET _torch 0 Pytorch_VERSION)
list(GET _torch 1 Pytorch_CXX11)
list(GET _torch 2 _folder)
set(Pytorch_CUDA FALSE)
set(Pytorch_ROCM FALSE)
set(Pytorch_COMPILE_FLAGS "-D_GLIBCXX_USE_CXX11_ABI=${Pytorch_CXX11}")
set(Pytorch_INCLUDE_DIRS "${_folder}/include;${_folder}/include/torch/csrc/api/include")
set(Pytorch_LIBRARY_DIRS "${_folder}/lib")
foreach(_library c10 torch torch_cpu torch_python)
    find_library(_found_${_library} NAMES ${_library} PATHS "${_folder}/lib" NO_DEFAULT_PATH REQUIRED)
    list(APPEND Pytorch_LIBRARIES "${_found_${_library}}")
endforeach()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Pytorch REQUIRED_VARS Pytorch_LIBRARIES VERSION_VAR Pytorch_VERSION)
