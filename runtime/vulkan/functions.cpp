#include "heed/runtime/vulkan/functions.h"

#include <dlfcn.h>

#include <cstdlib>
#include <string>

#include "heed/runtime/error.h"

namespace heed::vulkan {
namespace {

void* library() {
  const char* chosen = std::getenv("HEED_VULKAN_LIBRARY");
  const std::string name = chosen && *chosen ? chosen : "libvulkan.so.1";
  // Never closed: drivers do not support that.
  if (void* handle = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL)) return handle;
  throw Error("vulkan: the Vulkan loader cannot be opened: ", dlerror(),
              "; install it (on Debian the package libvulkan1, and mesa-vulkan-drivers or the "
              "GPU's own driver), set "
              "HEED_VULKAN_LIBRARY to its path, or choose another target");
}

}  // namespace

void Functions::open_library() {
  get_instance_proc_addr =
      reinterpret_cast<PFN_vkGetInstanceProcAddr>(dlsym(library(), "vkGetInstanceProcAddr"));
  if (!get_instance_proc_addr)
    throw Error(
        "vulkan: the library opened as the Vulkan loader has no function 'vkGetInstanceProcAddr'; "
        "set "
        "HEED_VULKAN_LIBRARY to one that has, or not at all");
  auto found = [&]<class Function>(Function& function, const char* name) {
    function = reinterpret_cast<Function>(get_instance_proc_addr(nullptr, name));
  };
  found(enumerate_instance_version, "vkEnumerateInstanceVersion");
  found(create_instance, "vkCreateInstance");
  if (!enumerate_instance_version || !create_instance)
    throw Error("vulkan: the Vulkan loader is of version 1.0, 1.1 is needed; install a newer one");
}

void Functions::find(VkInstance instance) {
  auto found = [&]<class Function>(Function& function, const char* name) {
    function = reinterpret_cast<Function>(get_instance_proc_addr(instance, name));
    if (!function)
      throw Error("vulkan: the Vulkan loader has no function '", name, "'; install a newer one");
  };
  found(destroy_instance, "vkDestroyInstance");
  found(enumerate_physical_devices, "vkEnumeratePhysicalDevices");
  found(enumerate_device_extension_properties, "vkEnumerateDeviceExtensionProperties");
  found(get_physical_device_properties2, "vkGetPhysicalDeviceProperties2");
  found(get_physical_device_features2, "vkGetPhysicalDeviceFeatures2");
  found(get_physical_device_memory_properties, "vkGetPhysicalDeviceMemoryProperties");
  found(get_physical_device_queue_family_properties, "vkGetPhysicalDeviceQueueFamilyProperties");
  found(create_device, "vkCreateDevice");
  found(destroy_device, "vkDestroyDevice");
  found(device_wait_idle, "vkDeviceWaitIdle");
  found(get_device_queue, "vkGetDeviceQueue");
  found(queue_submit, "vkQueueSubmit");
  found(create_buffer, "vkCreateBuffer");
  found(destroy_buffer, "vkDestroyBuffer");
  found(get_buffer_memory_requirements, "vkGetBufferMemoryRequirements");
  found(allocate_memory, "vkAllocateMemory");
  found(free_memory, "vkFreeMemory");
  found(bind_buffer_memory, "vkBindBufferMemory");
  found(map_memory, "vkMapMemory");
  found(create_shader_module, "vkCreateShaderModule");
  found(destroy_shader_module, "vkDestroyShaderModule");
  found(create_descriptor_set_layout, "vkCreateDescriptorSetLayout");
  found(destroy_descriptor_set_layout, "vkDestroyDescriptorSetLayout");
  found(create_pipeline_layout, "vkCreatePipelineLayout");
  found(destroy_pipeline_layout, "vkDestroyPipelineLayout");
  found(create_compute_pipelines, "vkCreateComputePipelines");
  found(destroy_pipeline, "vkDestroyPipeline");
  found(create_descriptor_pool, "vkCreateDescriptorPool");
  found(destroy_descriptor_pool, "vkDestroyDescriptorPool");
  found(allocate_descriptor_sets, "vkAllocateDescriptorSets");
  found(update_descriptor_sets, "vkUpdateDescriptorSets");
  found(create_command_pool, "vkCreateCommandPool");
  found(destroy_command_pool, "vkDestroyCommandPool");
  found(reset_command_pool, "vkResetCommandPool");
  found(allocate_command_buffers, "vkAllocateCommandBuffers");
  found(begin_command_buffer, "vkBeginCommandBuffer");
  found(end_command_buffer, "vkEndCommandBuffer");
  found(cmd_bind_pipeline, "vkCmdBindPipeline");
  found(cmd_bind_descriptor_sets, "vkCmdBindDescriptorSets");
  found(cmd_dispatch, "vkCmdDispatch");
  found(cmd_pipeline_barrier, "vkCmdPipelineBarrier");
  found(cmd_copy_buffer, "vkCmdCopyBuffer");
  found(cmd_fill_buffer, "vkCmdFillBuffer");
  found(cmd_reset_query_pool, "vkCmdResetQueryPool");
  found(cmd_write_timestamp, "vkCmdWriteTimestamp");
  found(create_fence, "vkCreateFence");
  found(destroy_fence, "vkDestroyFence");
  found(reset_fences, "vkResetFences");
  found(wait_for_fences, "vkWaitForFences");
  found(create_query_pool, "vkCreateQueryPool");
  found(destroy_query_pool, "vkDestroyQueryPool");
  found(get_query_pool_results, "vkGetQueryPoolResults");
}

}  // namespace heed::vulkan
