// SPDX-License-Identifier: Apache-2.0
#include "vulkan_objects.hpp"

#include <cstdlib>
#include <cstring>

namespace replay {

void check(VkResult result, const char* what) {
    if (result != VK_SUCCESS)
        throw std::runtime_error(std::string(what) + " answers " + std::to_string(result));
}

void barrier(VkCommandBuffer commandBuffer, VkPipelineStageFlags from, VkPipelineStageFlags to) {
    VkMemoryBarrier all{VK_STRUCTURE_TYPE_MEMORY_BARRIER};
    all.srcAccessMask = VK_ACCESS_MEMORY_WRITE_BIT;
    all.dstAccessMask = VK_ACCESS_MEMORY_READ_BIT | VK_ACCESS_MEMORY_WRITE_BIT;
    vkCmdPipelineBarrier(commandBuffer, from, to, 0, 1, &all, 0, nullptr, 0, nullptr);
}

Device::Device() {
    VkApplicationInfo application{VK_STRUCTURE_TYPE_APPLICATION_INFO};
    application.apiVersion = VK_API_VERSION_1_1;
    VkInstanceCreateInfo instanceInfo{VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO};
    instanceInfo.pApplicationInfo = &application;
    check(vkCreateInstance(&instanceInfo, nullptr, &instance_), "vkCreateInstance");
    uint32_t count = 0;
    check(vkEnumeratePhysicalDevices(instance_, &count, nullptr), "vkEnumeratePhysicalDevices");
    std::vector<VkPhysicalDevice> devices(count);
    check(vkEnumeratePhysicalDevices(instance_, &count, devices.data()), "vkEnumeratePhysicalDevices");
    const char* wanted = std::getenv("SACCADE_DEVICE");
    physical_ = devices.at(wanted ? std::strtoul(wanted, nullptr, 10) : 0);
    vkGetPhysicalDeviceProperties(physical_, &properties_);

    uint32_t familyCount = 0, family = 0;
    vkGetPhysicalDeviceQueueFamilyProperties(physical_, &familyCount, nullptr);
    std::vector<VkQueueFamilyProperties> families(familyCount);
    vkGetPhysicalDeviceQueueFamilyProperties(physical_, &familyCount, families.data());
    while (!(families.at(family).queueFlags & VK_QUEUE_COMPUTE_BIT))
        ++family;
    VkPhysicalDevice16BitStorageFeatures storage16{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_16BIT_STORAGE_FEATURES};
    VkPhysicalDeviceFeatures2 features{VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, &storage16};
    vkGetPhysicalDeviceFeatures2(physical_, &features);
    storage16.storagePushConstant16 = storage16.storageInputOutput16 = VK_FALSE;
    storage16.uniformAndStorageBuffer16BitAccess = VK_FALSE;
    const VkBool32 writes = features.features.shaderStorageImageWriteWithoutFormat;
    features.features = {};
    features.features.shaderStorageImageWriteWithoutFormat = writes;
    const float priority = 1;
    VkDeviceQueueCreateInfo queueInfo{VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO};
    queueInfo.queueFamilyIndex = family;
    queueInfo.queueCount = 1;
    queueInfo.pQueuePriorities = &priority;
    VkDeviceCreateInfo info{VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO, &features};
    info.queueCreateInfoCount = 1;
    info.pQueueCreateInfos = &queueInfo;
    check(vkCreateDevice(physical_, &info, nullptr, &handle_), "vkCreateDevice");
    vkGetDeviceQueue(handle_, family, 0, &queue_);
    VkCommandPoolCreateInfo poolInfo{VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO};
    poolInfo.queueFamilyIndex = family;
    check(vkCreateCommandPool(handle_, &poolInfo, nullptr, &pool_), "vkCreateCommandPool");
}

Device::~Device() {
    vkDestroyCommandPool(handle_, pool_, nullptr);
    vkDestroyDevice(handle_, nullptr);
    vkDestroyInstance(instance_, nullptr);
}

VkDeviceMemory Device::allocate(const VkMemoryRequirements& needs, bool mapped) const {
    VkPhysicalDeviceMemoryProperties memory;
    vkGetPhysicalDeviceMemoryProperties(physical_, &memory);
    const VkMemoryPropertyFlags wanted =
        mapped ? VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT : 0;
    for (uint32_t type = 0; type < memory.memoryTypeCount; ++type) {
        if (!(needs.memoryTypeBits >> type & 1) || (memory.memoryTypes[type].propertyFlags & wanted) != wanted)
            continue;
        const VkMemoryAllocateInfo info{VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO, nullptr, needs.size, type};
        VkDeviceMemory out = VK_NULL_HANDLE;
        check(vkAllocateMemory(handle_, &info, nullptr, &out), "vkAllocateMemory");
        return out;
    }
    throw std::runtime_error("no memory type serves");
}

void Device::submit(const std::function<void(VkCommandBuffer)>& record) const {
    VkCommandBufferAllocateInfo info{VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO};
    info.commandPool = pool_;
    info.commandBufferCount = 1;
    VkCommandBuffer commandBuffer = VK_NULL_HANDLE;
    check(vkAllocateCommandBuffers(handle_, &info, &commandBuffer), "vkAllocateCommandBuffers");
    const VkCommandBufferBeginInfo begin{VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
    check(vkBeginCommandBuffer(commandBuffer, &begin), "vkBeginCommandBuffer");
    record(commandBuffer);
    check(vkEndCommandBuffer(commandBuffer), "vkEndCommandBuffer");
    VkSubmitInfo submission{VK_STRUCTURE_TYPE_SUBMIT_INFO};
    submission.commandBufferCount = 1;
    submission.pCommandBuffers = &commandBuffer;
    check(vkQueueSubmit(queue_, 1, &submission, VK_NULL_HANDLE), "vkQueueSubmit");
    check(vkQueueWaitIdle(queue_), "vkQueueWaitIdle");
}

Buffer::Buffer(const Device& device, VkDeviceSize size) : device(device), size(size) {
    VkBufferCreateInfo info{VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO};
    info.size = size;
    info.usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT |
                 VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT;
    check(vkCreateBuffer(device.handle(), &info, nullptr, &handle), "vkCreateBuffer");
    VkMemoryRequirements needs;
    vkGetBufferMemoryRequirements(device.handle(), handle, &needs);
    memory = device.allocate(needs, true);
    check(vkBindBufferMemory(device.handle(), handle, memory, 0), "vkBindBufferMemory");
    check(vkMapMemory(device.handle(), memory, 0, VK_WHOLE_SIZE, 0, &data), "vkMapMemory");
    std::memset(data, 0, static_cast<size_t>(size));
}

Buffer::~Buffer() {
    vkDestroyBuffer(device.handle(), handle, nullptr);
    vkFreeMemory(device.handle(), memory, nullptr);
}

Image::Image(const Device& device, const Json& tensor, const Json& image) : device_(device) {
    constexpr uint32_t texelBytes = 8;
    if (image.at("format") != static_cast<int>(VK_FORMAT_R16G16B16A16_SFLOAT))
        throw std::runtime_error("images are of R16G16B16A16_SFLOAT here");
    extent_ = {image.at("width"), image.at("height"), 1};
    VkImageCreateInfo info{VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO};
    info.imageType = VK_IMAGE_TYPE_2D;
    info.format = VK_FORMAT_R16G16B16A16_SFLOAT;
    info.extent = extent_;
    info.mipLevels = info.arrayLayers = 1;
    info.samples = VK_SAMPLE_COUNT_1_BIT;
    info.usage = (tensor.at("input").get<bool>() ? VK_IMAGE_USAGE_SAMPLED_BIT : VK_IMAGE_USAGE_STORAGE_BIT) |
                 VK_IMAGE_USAGE_TRANSFER_SRC_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT;
    check(vkCreateImage(device.handle(), &info, nullptr, &handle_), "vkCreateImage");
    VkMemoryRequirements needs;
    vkGetImageMemoryRequirements(device.handle(), handle_, &needs);
    memory_ = device.allocate(needs, false);
    check(vkBindImageMemory(device.handle(), handle_, memory_, 0), "vkBindImageMemory");
    VkImageViewCreateInfo view{VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO};
    view.image = handle_;
    view.viewType = VK_IMAGE_VIEW_TYPE_2D;
    view.format = info.format;
    view.subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1};
    check(vkCreateImageView(device.handle(), &view, nullptr, &view_), "vkCreateImageView");
    staging_ = std::make_unique<Buffer>(device, VkDeviceSize{extent_.width} * extent_.height * texelBytes);
}

Image::~Image() {
    vkDestroyImageView(device_.handle(), view_, nullptr);
    vkDestroyImage(device_.handle(), handle_, nullptr);
    vkFreeMemory(device_.handle(), memory_, nullptr);
}

void Image::upload(VkCommandBuffer commandBuffer) const {
    VkImageMemoryBarrier toGeneral{VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER};
    toGeneral.dstAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT;
    toGeneral.newLayout = VK_IMAGE_LAYOUT_GENERAL;
    toGeneral.srcQueueFamilyIndex = toGeneral.dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED;
    toGeneral.image = handle_;
    toGeneral.subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1};
    vkCmdPipelineBarrier(commandBuffer, VK_PIPELINE_STAGE_TOP_OF_PIPE_BIT, VK_PIPELINE_STAGE_TRANSFER_BIT, 0, 0,
                         nullptr, 0, nullptr, 1, &toGeneral);
    const VkBufferImageCopy copy{0, 0, 0, {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1}, {0, 0, 0}, extent_};
    vkCmdCopyBufferToImage(commandBuffer, staging_->handle, handle_, VK_IMAGE_LAYOUT_GENERAL, 1, &copy);
}

void Image::download(VkCommandBuffer commandBuffer) const {
    const VkBufferImageCopy copy{0, 0, 0, {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1}, {0, 0, 0}, extent_};
    vkCmdCopyImageToBuffer(commandBuffer, handle_, VK_IMAGE_LAYOUT_GENERAL, staging_->handle, 1, &copy);
}

Pipeline::Pipeline(const Device& device, const Bytes& code, const std::string& entryPoint,
                   const std::vector<VkDescriptorType>& bindings)
    : device_(device), types_(bindings) {
    std::vector<VkDescriptorSetLayoutBinding> entries;
    for (uint32_t i = 0; i < bindings.size(); ++i)
        entries.push_back({i, bindings[i], 1, VK_SHADER_STAGE_COMPUTE_BIT, nullptr});
    VkDescriptorSetLayoutCreateInfo setInfo{VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO};
    setInfo.bindingCount = static_cast<uint32_t>(entries.size());
    setInfo.pBindings = entries.data();
    check(vkCreateDescriptorSetLayout(device.handle(), &setInfo, nullptr, &setLayout_), "vkCreateDescriptorSetLayout");
    VkPipelineLayoutCreateInfo layoutInfo{VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO};
    layoutInfo.setLayoutCount = 1;
    layoutInfo.pSetLayouts = &setLayout_;
    check(vkCreatePipelineLayout(device.handle(), &layoutInfo, nullptr, &layout_), "vkCreatePipelineLayout");
    VkShaderModuleCreateInfo moduleInfo{VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO};
    moduleInfo.codeSize = code.size();
    moduleInfo.pCode = reinterpret_cast<const uint32_t*>(code.data());
    VkComputePipelineCreateInfo info{VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO};
    info.stage.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO;
    info.stage.stage = VK_SHADER_STAGE_COMPUTE_BIT;
    info.stage.pName = entryPoint.c_str();
    info.layout = layout_;
    check(vkCreateShaderModule(device.handle(), &moduleInfo, nullptr, &info.stage.module), "vkCreateShaderModule");
    check(vkCreateComputePipelines(device.handle(), VK_NULL_HANDLE, 1, &info, nullptr, &handle_),
          "vkCreateComputePipelines");
    vkDestroyShaderModule(device.handle(), info.stage.module, nullptr);
}

Pipeline::~Pipeline() {
    for (const VkDescriptorPool pool : pools_)
        vkDestroyDescriptorPool(device_.handle(), pool, nullptr);
    vkDestroyPipeline(device_.handle(), handle_, nullptr);
    vkDestroyPipelineLayout(device_.handle(), layout_, nullptr);
    vkDestroyDescriptorSetLayout(device_.handle(), setLayout_, nullptr);
}

VkDescriptorSet Pipeline::allocateSet() const {
    std::vector<VkDescriptorPoolSize> sizes;
    for (const VkDescriptorType type : types_)
        sizes.push_back({type, 1});
    VkDescriptorPoolCreateInfo poolInfo{VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO};
    poolInfo.maxSets = 1;
    poolInfo.poolSizeCount = static_cast<uint32_t>(sizes.size());
    poolInfo.pPoolSizes = sizes.data();
    VkDescriptorPool pool = VK_NULL_HANDLE;
    check(vkCreateDescriptorPool(device_.handle(), &poolInfo, nullptr, &pool), "vkCreateDescriptorPool");
    pools_.push_back(pool);
    VkDescriptorSetAllocateInfo info{VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO};
    info.descriptorPool = pool;
    info.descriptorSetCount = 1;
    info.pSetLayouts = &setLayout_;
    VkDescriptorSet set = VK_NULL_HANDLE;
    check(vkAllocateDescriptorSets(device_.handle(), &info, &set), "vkAllocateDescriptorSets");
    return set;
}

namespace {

VkWriteDescriptorSet writeOf(VkDescriptorSet set, uint32_t binding, VkDescriptorType type) {
    VkWriteDescriptorSet write{VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET};
    write.dstSet = set;
    write.dstBinding = binding;
    write.descriptorCount = 1;
    write.descriptorType = type;
    return write;
}

} // namespace

void Pipeline::write(VkDescriptorSet set, uint32_t binding, const Buffer& buffer) const {
    const VkDescriptorBufferInfo info{buffer.handle, 0, VK_WHOLE_SIZE};
    VkWriteDescriptorSet write = writeOf(set, binding, types_.at(binding));
    write.pBufferInfo = &info;
    vkUpdateDescriptorSets(device_.handle(), 1, &write, 0, nullptr);
}

void Pipeline::write(VkDescriptorSet set, uint32_t binding, const Image& image) const {
    const VkDescriptorImageInfo info{VK_NULL_HANDLE, image.view(), VK_IMAGE_LAYOUT_GENERAL};
    VkWriteDescriptorSet write = writeOf(set, binding, types_.at(binding));
    write.pImageInfo = &info;
    vkUpdateDescriptorSets(device_.handle(), 1, &write, 0, nullptr);
}

void Pipeline::bind(VkCommandBuffer commandBuffer, VkDescriptorSet set) const {
    vkCmdBindPipeline(commandBuffer, VK_PIPELINE_BIND_POINT_COMPUTE, handle_);
    vkCmdBindDescriptorSets(commandBuffer, VK_PIPELINE_BIND_POINT_COMPUTE, layout_, 0, 1, &set, 0, nullptr);
}

} // namespace replay
