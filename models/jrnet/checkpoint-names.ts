/** Names of parameters in the checkpoints that JRNet is put together from: its own, which hold the head alone, and those of its backbones. */

/** What a backbone's file has beside the backbone: its own classifiers, of ImageNet and of DeepLab. */
const leftOut = /^(?:fc|classifier|aux_classifier)\.|\.num_batches_tracked$/;

/**
 * The name in jrnet.weft for a name in a checkpoint of the published code, which may begin with `module.`, in torchvision's of a ResNet
 * (`layer4.2.bn3.bias`) or of DeepLab (`backbone.layer4.2.bn3.bias`); `undefined` for what the network does not have.
 */
export function presentName(name: string): string | undefined {
  const own = name.replace(/^module\./, "");
  if (leftOut.test(own)) return undefined;
  return /^(?:conv1|bn1|layer[1-4])\./.test(own) ? `backbone.${own}` : own;
}
