# Completion of gantool for fish. Made by gantool; what is installed is read from a file of its own.

set -g __gantool_shipped '
.	colorize	>	Colour grey photographs, also sepia and faded ones
.	derain	>	Take rain or falling snow off photographs and films
.	face-age	>	Show the faces of adults older or younger
.	refine-synthetic	>	Make renders look like photographs, labels kept
.	superres	>	Enlarge photographs 2, 3, 4 or 8 times
.	translate	>	Restyle pictures, photographs as paintings for example
.	run	>	Run any model file on pictures
.	pipe	>	Run several tasks in one go
.	train	>	Train a model on a folder of pictures
.	export	>	Write the model file of a training run
.	evaluate	>	Measure a model on pictures it has not learnt from
.	compare	>	Compare pictures in a page, under a divider
.	recipes	>	List what can be trained, or show all about one recipe
.	doctor	>	Say what this machine can do, and what to install
.	bench	>	Say how many pictures a second a task does here
.	completion	>	Print the script that makes Tab complete, in your shell
.	data	>	Check folders to train on, or make pairs of pictures
.	models	>	List, download, import and check models
.	plugins	>	List installed plugins, begin and check your own
.	--version	.	Print the version
.	-V	.	Print the version
.,colorize,derain,face-age,refine-synthetic,superres,translate,run,pipe,train,train acgan-age,train age-estimator,train colorize,train cut,train cvae-colorize,train cyclegan,train derain,train face-age,train idcgan,train ipcgan-age,train paint,train pix2pix,train refine-synthetic,train simgan,train srgan,train superres,train superres-distilled,train superres-fidelity,export,evaluate,compare,recipes,doctor,bench,completion,data,data check,data pairs,models,models list,models licences,models info,models pull,models verify,models path,models import,models rm,plugins,plugins list,plugins new,plugins check	--help	.	Show this message and exit
colorize,derain,face-age,refine-synthetic,superres,translate,run,pipe	*	<file>	Pictures, films, folders (with all below them), quoted patterns, @list.txt, - …
colorize	--intensity	-	Factor on the colours
colorize	--samples	-	So many different colourings of each picture
colorize	--seed	-	Which colourings --samples gives
colorize	--reference	<file>	Take the palette of this photograph
colorize	--temporal	.	Films: follow the frames before, against flicker
colorize	--no-temporal	.	Films: follow the frames before, against flicker
colorize	--force	.	Colour photographs that have colours, too
colorize	--model	colorize/diverse colorize/photo <file>	Use this model
colorize,derain,face-age,refine-synthetic,superres,translate,run,pipe	--output	<file>	Folder for the results, or the file for a single one
colorize,derain,face-age,refine-synthetic,superres,translate,run,pipe	-o	<file>	Folder for the results, or the file for a single one
colorize,derain,face-age,refine-synthetic,superres,translate,run,pipe	--device	auto cpu cuda tensorrt openvino webgpu coreml	Where to run
colorize,derain,face-age,refine-synthetic,superres,translate,run,pipe	--precision	auto fp32 fp16 bf16	How finely 8-bit pictures are computed
colorize,derain,face-age,refine-synthetic,superres,translate,run,pipe	--tile	auto off	Largest side run at once, pixels
colorize,derain,face-age,refine-synthetic,superres,translate,run,pipe	--exists	auto skip overwrite rename error	Where a result is there: auto does again what changed and never replaces what …
colorize,derain,face-age,refine-synthetic,superres,translate,run,pipe	--overwrite	.	The same as --exists overwrite: do all again
colorize,derain,face-age,refine-synthetic,superres,translate,run,pipe	--format	jpg png webp tif gif avif bmp mp4 mov mkv webm	Format of the results
colorize,derain,face-age,refine-synthetic,superres,translate,run,pipe	--quality	-	Quality of JPEG and WebP
colorize,derain,face-age,refine-synthetic,superres,translate,run,pipe	--metadata	keep strip keep-no-gps	What results take along of EXIF, IPTC and XMP
colorize,derain,face-age,refine-synthetic,superres,translate,run,pipe	--provenance	.	Let results say, in XMP, that a model made them, and which
colorize,derain,face-age,refine-synthetic,superres,translate,run,pipe	--no-provenance	.	Let results say, in XMP, that a model made them, and which
colorize,derain,face-age,refine-synthetic,superres,translate,run,pipe,train,train acgan-age,train age-estimator,train colorize,train cut,train cvae-colorize,train cyclegan,train derain,train face-age,train idcgan,train ipcgan-age,train paint,train pix2pix,train refine-synthetic,train simgan,train srgan,train superres,train superres-distilled,train superres-fidelity,evaluate,compare,models pull	--accept-licence	-	Accept the licence of a model that asks for it
colorize,derain,face-age,refine-synthetic,superres,translate,run,pipe,train,train acgan-age,train age-estimator,train colorize,train cut,train cvae-colorize,train cyclegan,train derain,train face-age,train idcgan,train ipcgan-age,train paint,train pix2pix,train refine-synthetic,train simgan,train srgan,train superres,train superres-distilled,train superres-fidelity,evaluate,compare,models pull	--accept-license	-	Accept the licence of a model that asks for it
colorize,derain,face-age,refine-synthetic,superres,translate,run,pipe	--offline	.	Download nothing
colorize,derain,face-age,refine-synthetic,superres,translate,run,pipe	--include	-	Of folders, only what matches, as in \'*.tif\'
colorize,derain,face-age,refine-synthetic,superres,translate,run,pipe	--exclude	-	Of folders, not what matches
colorize,derain,face-age,refine-synthetic,superres,translate,run,pipe	--limit	-	Stop when N are done
colorize,derain,face-age,refine-synthetic,superres,translate,run,pipe	--shard	-	Do the K-th of N parts: one for each of several machines
colorize,derain,face-age,refine-synthetic,superres,translate,run,pipe	--max-pixels	-	Refuse larger pictures, and results of 16 times as many pixels
colorize,derain,face-age,refine-synthetic,superres,translate,run,pipe	--jobs	-	Pictures read, and written, at once
colorize,derain,face-age,refine-synthetic,superres,translate,run,pipe	--fail-fast	.	Stop at the first picture that fails
colorize,derain,face-age,refine-synthetic,superres,translate,run,pipe	--codec	h264 hevc vp9 av1 ffv1 prores	Films: encoder
colorize,derain,face-age,refine-synthetic,superres,translate,run,pipe	--crf	-	Films: quality of the encoder
colorize,derain,face-age,refine-synthetic,superres,translate,run,pipe	--pix-fmt	-	Films: pixel format, as in yuv420p
colorize,derain,face-age,refine-synthetic,superres,translate,run,pipe	--depth	keep 8	Films: bits, those of the film or 8
colorize,derain,face-age,refine-synthetic,superres,translate,run,pipe	--audio	copy none	Films: sound, copied as it is or left out
colorize,derain,face-age,refine-synthetic,superres,translate,run,pipe	--subs	copy none	Films: subtitles, copied or left out
colorize,derain,face-age,refine-synthetic,superres,translate,run,pipe	--start	-	Films: begin there, as in 90 or 1:30
colorize,derain,face-age,refine-synthetic,superres,translate,run,pipe	--end	-	Films: stop there
colorize,derain,face-age,refine-synthetic,superres,translate,run,pipe	--fps	-	Films: frames a second of numbered or raw frames
colorize,derain,face-age,refine-synthetic,superres,translate,run,pipe	--raw	-	Films: INPUT is -, raw rgb24 frames of this size
colorize,derain,face-age,refine-synthetic,superres,translate,run,pipe	--deinterlace	.	Films: make whole frames of fields
colorize,derain,face-age,refine-synthetic,superres,translate,run,pipe	--tonemap	.	Films: make of HDR a film for any screen
colorize,derain,face-age,refine-synthetic,superres,translate,run,pipe	--dry-run	.	Say what would be done, and what it takes
colorize,derain,face-age,refine-synthetic,superres,translate,run,pipe	--demo	.	Run on a picture that gantool brings along
colorize,derain,face-age,refine-synthetic,superres,translate,run,pipe	--yes	.	Answer questions with yes
colorize,derain,face-age,refine-synthetic,superres,translate,run,pipe	-y	.	Answer questions with yes
colorize,derain,face-age,refine-synthetic,superres,translate,run,pipe	--json	.	Events on stdout, a line of JSON each
colorize,derain,face-age,refine-synthetic,superres,translate,run,pipe	--report	<file>	Write a page with pictures before and after, and what failed
colorize,derain,face-age,refine-synthetic,superres,translate,run,pipe,evaluate,compare,models pull	--quiet	.	Only errors and results
colorize,derain,face-age,refine-synthetic,superres,translate,run,pipe,evaluate,compare,models pull	-q	.	Only errors and results
colorize,derain,face-age,refine-synthetic,superres,translate,run,pipe	--verbose	.	Name what is skipped, and why
colorize,derain,face-age,refine-synthetic,superres,translate,run,pipe	-v	.	Name what is skipped, and why
derain	--weather	rain snow auto	What to take off
derain	--strength	-	1 takes off all that is found, 0 nothing
derain	--model	derain/rain derain/snow <file>	Use this model
face-age	--age	-	Age to show, 18 to 80
face-age	--by	-	Years to add to the age that is read
face-age	--to	-	6 ages from A to B, a result for each
face-age	--strip	.	With --to: one picture of all, side by side
face-age	--faces	all largest	Which faces of a picture
face-age	--detector	<file>	Find faces with this YuNet file, not with cascades
face-age	--model	face-age/base face-age/years <file>	Use this model
refine-synthetic	--model	refine-synthetic/eyes <file>	Use this model
refine-synthetic	--strength	-	1 is the model\'s picture, 0 the render
refine-synthetic	--seed	-	Which of the looks that a picture may have
superres	--scale	2 3 4 8	Enlargement of each side
superres	--denoise	-	How much noise and traces of JPEG go
superres	--model	superres/photo-x2-fidelity superres/photo-x4 superres/photo-x4-fidelity <file>	Use this model
translate	--style	edges2cats monet	The style
translate	--list-styles	.	Print the installed styles and stop
translate	--model	translate/edges2cats translate/monet <file>	Use this model
translate	--direction	forward back	Into the style, or back with the second model of a cyclegan
translate	--strength	-	1 is the model\'s picture, 0 the input
translate	--detail	-	Short side at which the model works, pixels: fewer give broader strokes
translate	--temporal	.	Films: keep look and strokes steady
translate	--no-temporal	.	Films: keep look and strokes steady
run	1	colorize/diverse colorize/photo derain/rain derain/snow face-age/base face-age/years refine-synthetic/eyes superres/photo-x2-fidelity superres/photo-x4 superres/photo-x4-fidelity translate/edges2cats translate/monet <file>	A model file, or a name
pipe	1	-	Tasks with their own options, parted by |, in quotes
train,train acgan-age,train age-estimator,train colorize,train cut,train cvae-colorize,train cyclegan,train derain,train face-age,train idcgan,train ipcgan-age,train paint,train pix2pix,train refine-synthetic,train simgan,train srgan,train superres,train superres-distilled,train superres-fidelity	--output	<folder>	Folder of the run
train,train acgan-age,train age-estimator,train colorize,train cut,train cvae-colorize,train cyclegan,train derain,train face-age,train idcgan,train ipcgan-age,train paint,train pix2pix,train refine-synthetic,train simgan,train srgan,train superres,train superres-distilled,train superres-fidelity	-o	<folder>	Folder of the run
train,train acgan-age,train age-estimator,train colorize,train cut,train cvae-colorize,train cyclegan,train derain,train face-age,train idcgan,train ipcgan-age,train paint,train pix2pix,train refine-synthetic,train simgan,train srgan,train superres,train superres-distilled,train superres-fidelity	--preset	tiny fast full	A set of options
train,train acgan-age,train age-estimator,train colorize,train cut,train cvae-colorize,train cyclegan,train derain,train face-age,train idcgan,train ipcgan-age,train paint,train pix2pix,train refine-synthetic,train simgan,train srgan,train superres,train superres-distilled,train superres-fidelity	--set	-	An option of the recipe, or steps
train,train acgan-age,train age-estimator,train colorize,train cut,train cvae-colorize,train cyclegan,train derain,train face-age,train idcgan,train ipcgan-age,train paint,train pix2pix,train refine-synthetic,train simgan,train srgan,train superres,train superres-distilled,train superres-fidelity	--config	<file>	Options from a file, of the recipe and of this list
train,train acgan-age,train age-estimator,train colorize,train cut,train cvae-colorize,train cyclegan,train derain,train face-age,train idcgan,train ipcgan-age,train paint,train pix2pix,train refine-synthetic,train simgan,train srgan,train superres,train superres-distilled,train superres-fidelity	--init	colorize/diverse colorize/photo derain/rain derain/snow face-age/base face-age/years refine-synthetic/eyes superres/photo-x2-fidelity superres/photo-x4 superres/photo-x4-fidelity translate/edges2cats translate/monet <file> <folder>	Start from the weights of a trained model
train,train acgan-age,train age-estimator,train colorize,train cut,train cvae-colorize,train cyclegan,train derain,train face-age,train idcgan,train ipcgan-age,train paint,train pix2pix,train refine-synthetic,train simgan,train srgan,train superres,train superres-distilled,train superres-fidelity	--seed	-	Decides the first weights and the order of the data
train,train acgan-age,train age-estimator,train colorize,train cut,train cvae-colorize,train cyclegan,train derain,train face-age,train idcgan,train ipcgan-age,train paint,train pix2pix,train refine-synthetic,train simgan,train srgan,train superres,train superres-distilled,train superres-fidelity	--precision	fp32 bf16	Of the networks\' arithmetic
train,train acgan-age,train age-estimator,train colorize,train cut,train cvae-colorize,train cyclegan,train derain,train face-age,train idcgan,train ipcgan-age,train paint,train pix2pix,train refine-synthetic,train simgan,train srgan,train superres,train superres-distilled,train superres-fidelity	--accumulate	-	Work through each batch in N parts, to save memory
train,train acgan-age,train age-estimator,train colorize,train cut,train cvae-colorize,train cyclegan,train derain,train face-age,train idcgan,train ipcgan-age,train paint,train pix2pix,train refine-synthetic,train simgan,train srgan,train superres,train superres-distilled,train superres-fidelity	--device	auto cpu cuda	Where to train
train,train acgan-age,train age-estimator,train colorize,train cut,train cvae-colorize,train cyclegan,train derain,train face-age,train idcgan,train ipcgan-age,train paint,train pix2pix,train refine-synthetic,train simgan,train srgan,train superres,train superres-distilled,train superres-fidelity	--resume	.	Go on with the run in its folder
train,train acgan-age,train age-estimator,train colorize,train cut,train cvae-colorize,train cyclegan,train derain,train face-age,train idcgan,train ipcgan-age,train paint,train pix2pix,train refine-synthetic,train simgan,train srgan,train superres,train superres-distilled,train superres-fidelity	--max-steps	-	Stop after so many more steps
train,train acgan-age,train age-estimator,train colorize,train cut,train cvae-colorize,train cyclegan,train derain,train face-age,train idcgan,train ipcgan-age,train paint,train pix2pix,train refine-synthetic,train simgan,train srgan,train superres,train superres-distilled,train superres-fidelity	--max-time	2h 30m 90s	Stop after so long
train,train acgan-age,train age-estimator,train colorize,train cut,train cvae-colorize,train cyclegan,train derain,train face-age,train idcgan,train ipcgan-age,train paint,train pix2pix,train refine-synthetic,train simgan,train srgan,train superres,train superres-distilled,train superres-fidelity	--preview-every	-	Steps between preview sheets, in RUN/previews
train,train acgan-age,train age-estimator,train colorize,train cut,train cvae-colorize,train cyclegan,train derain,train face-age,train idcgan,train ipcgan-age,train paint,train pix2pix,train refine-synthetic,train simgan,train srgan,train superres,train superres-distilled,train superres-fidelity	--on-collapse	stop warn	When the generator collapses, drifts or does nothing
train,train acgan-age,train age-estimator,train colorize,train cut,train cvae-colorize,train cyclegan,train derain,train face-age,train idcgan,train ipcgan-age,train paint,train pix2pix,train refine-synthetic,train simgan,train srgan,train superres,train superres-distilled,train superres-fidelity	--tensorboard	.	Write RUN/tensorboard as well
train,train acgan-age,train age-estimator,train colorize,train cut,train cvae-colorize,train cyclegan,train derain,train face-age,train idcgan,train ipcgan-age,train paint,train pix2pix,train refine-synthetic,train simgan,train srgan,train superres,train superres-distilled,train superres-fidelity	--dry-run	.	Say what would be done, and its time
train,train acgan-age,train age-estimator,train colorize,train cut,train cvae-colorize,train cyclegan,train derain,train face-age,train idcgan,train ipcgan-age,train paint,train pix2pix,train refine-synthetic,train simgan,train srgan,train superres,train superres-distilled,train superres-fidelity	--no-export	.	Do not write the model file
train,train acgan-age,train age-estimator,train colorize,train cut,train cvae-colorize,train cyclegan,train derain,train face-age,train idcgan,train ipcgan-age,train paint,train pix2pix,train refine-synthetic,train simgan,train srgan,train superres,train superres-distilled,train superres-fidelity	--json	.	One JSON object per line on stdout
train,train acgan-age,train age-estimator,train colorize,train cut,train cvae-colorize,train cyclegan,train derain,train face-age,train idcgan,train ipcgan-age,train paint,train pix2pix,train refine-synthetic,train simgan,train srgan,train superres,train superres-distilled,train superres-fidelity,data check,data pairs	--quiet	.	No progress
train,train acgan-age,train age-estimator,train colorize,train cut,train cvae-colorize,train cyclegan,train derain,train face-age,train idcgan,train ipcgan-age,train paint,train pix2pix,train refine-synthetic,train simgan,train srgan,train superres,train superres-distilled,train superres-fidelity,data check,data pairs	-q	.	No progress
train	acgan-age	>	Draw faces of any age
train acgan-age	--channels	-	at full size
train acgan-age	--discriminator	whole projected	judges the whole face, or by projected features, with the hinge
train acgan-age,train colorize,train cut,train cyclegan,train face-age,train ipcgan-age,train pix2pix,train refine-synthetic,train simgan	--features	<file>	fixed network of a projected one, lite0 or lite1, or a file with its weights
train acgan-age	--latent	-	numbers of a code z
train acgan-age,train age-estimator,train face-age,train ipcgan-age	--batch	-	faces a step
train acgan-age	--side	-	of the faces, pixels, 32, 64 or 128
train acgan-age,train age-estimator,train face-age,train ipcgan-age	--youngest	-	years
train acgan-age,train age-estimator,train face-age,train ipcgan-age	--oldest	-	years
train acgan-age,train age-estimator,train face-age,train ipcgan-age	--hold	-	of so many faces one, by the hash of its name, is left out, to be measured on
train acgan-age	--start	-	fraction of the training from which the encoder learns, and nothing else
train acgan-age	--r1	-	weight of the penalty on the discriminator\'s slope
train acgan-age,train superres-distilled	--rate	-	of Adam
train acgan-age,train age-estimator,train colorize,train cut,train cvae-colorize,train cyclegan,train derain,train face-age,train idcgan,train ipcgan-age,train paint,train pix2pix,train refine-synthetic,train simgan,train srgan,train superres,train superres-distilled,train superres-fidelity,data check,data pairs	1	<folder>	The folder of pictures
train	age-estimator	>	Learn to read ages off faces
train age-estimator	--channels	-	of the first layer
train age-estimator,train face-age,train ipcgan-age	--side	-	of the faces, pixels, a multiple of 16
train age-estimator,train colorize,train cvae-colorize,train face-age,train ipcgan-age	--rate	-	of Adam, falling by a cosine
train age-estimator,train colorize,train cvae-colorize	--decay	-	of the weights
train age-estimator	--robust	-	how far each face is changed against the estimator, root mean square over the …
train	colorize	>	Colours for grey photographs, by regression and then a GAN
train colorize,train cvae-colorize	--channels	-	of the network at a quarter of the side
train colorize,train face-age,train ipcgan-age	--judging	-	channels of the discriminator\'s first layer, or of its heads
train colorize,train cvae-colorize,train paint	--crop	-	side of the squares trained on, pixels, a multiple of 32
train colorize,train cvae-colorize	--batch	-	squares a step
train colorize	--mode	regression classes	finds the colour itself, or shares of classes of colours, of which rare ones …
train colorize	--uniform	-	share of an even distribution in what rarity is measured by
train colorize	--temperature	-	of the mean over classes, from 1, which is paler, to near 0, which is blotchy
train colorize	--gan	-	weight of the GAN
train colorize,train cut,train cyclegan,train derain,train idcgan,train pix2pix,train refine-synthetic,train simgan	--discriminator	patches projected	judges patches, as in the paper, or by projected features, with the hinge
train colorize	--encoder	<file>	network trained on ImageNet that takes the place of the way down and learns at …
train colorize,train derain,train idcgan,train srgan,train superres	--start	-	fraction of the training before the GAN begins
train	cut	>	Learn to turn one kind of pictures into another
train cut	--generator	light-6 light-9 resnet-6 resnet-9	ResNet with 6 or 9 blocks, or a light one, whose convolutions are separable
train cut	--channels	-	of the generator\'s first layer
train cut	--judge	-	channels of its first layer, or of its heads
train cut	--augment	-	moves and covers what the discriminator sees, for few pictures
train cut,train paint	--side	-	short side that pictures are brought to, pixels
train cut	--crop	-	side of the squares that are cut from them
train cut,train cyclegan,train paint	--batch	-	pictures of each kind a step
train cut	--nce	-	weight λ_X of keeping what each patch shows
train cut	--identity	-	weight λ_Y of the same for pictures of the second kind
train cut	--noise	-	deviation of noise on what the discriminator sees, falling to 0 over the …
train cut,train cyclegan,train paint,train pix2pix,train refine-synthetic,train simgan	--rate	-	of Adam, level for half the training, then falling to 0
train	cvae-colorize	>	Many colourings of one grey photograph, by a conditional VAE
train cvae-colorize	--kl	-	weight of the divergence: the smaller, the more the colourings differ
train	cyclegan	>	Learn to turn two kinds of pictures into each other
train cyclegan	--generator	light-6 light-9 resnet-6 resnet-9 unet-64 unet-128 unet-256	ResNet with 6 or 9 blocks, a light one with as many, or U-Net for sides of 64, …
train cyclegan	--channels	-	of the first layer of all networks
train cyclegan	--up	resize transposed	how ResNet and U-Net enlarge: resize, then convolve, or transposed convolutions …
train cyclegan,train pix2pix	--crop	-	side of the squares trained on, pixels
train cyclegan	--cycle	-	weight λ of coming back to the input
train cyclegan	--identity	-	weight, as a share of λ, of leaving alone what is of the right kind already
train cyclegan	--pool	-	generated pictures of each kind remembered for the discriminators
train	derain	>	Take rain or snow off photographs, with a conditional GAN
train derain,train idcgan	--weather	rain snow	what is drawn over photos
train derain,train idcgan	--channels	-	of the network at half the size
train derain,train idcgan	--layers	-	of its body
train derain,train idcgan,train srgan,train superres	--projection	<file>	fixed network of a projected one, lite0 or lite1, or a file with its weights
train derain,train idcgan,train srgan,train superres	--critic	-	channels of the discriminator, or of its heads
train derain,train idcgan,train pix2pix,train srgan,train superres,train superres-distilled,train superres-fidelity	--batch	-	pairs a step
train derain,train idcgan	--crop	-	side of a crop, pixels, a multiple of 4
train derain,train idcgan	--clean	-	share of the crops without weather, to be left as they are
train derain,train idcgan	--adversarial	-	weights of these losses beside the Euclidean one
train derain,train idcgan	--perceptual	-	weights of these losses beside the Euclidean one
train derain,train idcgan	--soft	-	distance, in pictures from 0 to 1, up to which that one counts by its square, …
train derain,train idcgan	--features	<file>	file with the weights of torchvision\'s VGG-19 for the perceptual loss, .pth or …
train derain,train idcgan,train superres-fidelity	--rate	-	of Adam, falling by a cosine to a hundredth
train derain,train idcgan,train refine-synthetic,train simgan	--critic-rate	-	of the discriminator\'s
train	face-age	>	Change the age of faces
train face-age,train ipcgan-age	--channels	-	of the generator at full size
train face-age,train ipcgan-age	--blocks	-	of its body
train face-age,train ipcgan-age	--discriminator	patches projected	judges patches, or by projected features
train face-age,train ipcgan-age	--reading	-	of the estimator\'s first layer
train face-age,train ipcgan-age	--estimator	<file>	model file of the recipe age-estimator
train face-age,train ipcgan-age	--start	-	fraction of the training that is for the estimator alone, where none is given
train face-age,train ipcgan-age	--robust	-	how far faces are changed against it, levels of 255
train face-age,train ipcgan-age	--age	-	weight of the years that it reads too many or few, in tens
train face-age,train ipcgan-age	--own	-	of what changes where the age is the face\'s own
train face-age,train ipcgan-age	--keep	-	the same at other ages
train face-age,train ipcgan-age	--tone	-	of changes of broad colours
train face-age,train ipcgan-age	--mask	-	of the mask\'s size and edges
train face-age,train ipcgan-age	--chroma	-	of changes of the colours of single pixels
train face-age,train ipcgan-age	--light	-	of changes of broad brightness
train	idcgan	>	Take rain or snow off photographs, with a conditional GAN
train	ipcgan-age	>	Change the age of faces
train	paint	>	Learn to paint photographs as a painter did
train paint	--channels	-	of the generator at half the side
train paint	--blocks	-	residual ones at a quarter
train paint	--judging	-	channels of the discriminators\' heads
train paint	--features	<file>	fixed network of the discriminator, lite0 or lite1, or a file with its weights
train paint	--structure	-	weight of the self-similarity of features
train paint	--level	-	weight of the coarse luma
train paint	--palette	-	weight of a discriminator that sees colours alone, pooled by 4
train paint	--matched	-	share of paintings that show things like the photograph\'s
train paint	--augment	-	moves and covers what the discriminator sees
train	pix2pix	>	Learn a translation from aligned pairs (conditional GAN + L1)
train pix2pix	--generator	unet-64 unet-128 unet-256 resnet-6 resnet-9	U-Net for sides of 64, 128 or 256 pixels, or ResNet with 6 or 9 blocks
train pix2pix	--channels	-	of its first layer
train pix2pix	--up	resize transposed	resize, then convolve, or transposed convolutions as in the paper, which may …
train pix2pix	--judging	-	channels of its first layer, or of its heads
train pix2pix	--augment	-	moves and covers what the discriminator sees, for few pairs
train pix2pix	--l1	-	weight λ of the distance
train pix2pix	--from	edges grey lowres	makes the inputs from a plain folder of targets
train	refine-synthetic	>	Make renders look like photographs
train refine-synthetic,train simgan	--channels	-	of the refiner
train refine-synthetic,train simgan	--blocks	-	residual ones of it
train refine-synthetic,train simgan	--critic	-	channels of the discriminator, 32 in the paper, or of its heads
train refine-synthetic,train simgan	--batch	-	pictures of each kind a step, an even number
train refine-synthetic,train simgan	--crop	-	most pixels of a side that are trained on
train refine-synthetic,train simgan	--grey	-	train on and give grey pictures, whatever the data are
train refine-synthetic,train simgan	--weight	-	λ of self-regularisation, the mean over pixels from 0 to 1
train refine-synthetic,train simgan	--psi	pixels mean smooth gradients contrast	what of a picture is to stay: its pixels, the mean of their colours, the mean …
train refine-synthetic,train simgan	--k-g	-	turns of the refiner and of the discriminator in each step
train refine-synthetic,train simgan	--k-d	-	turns of the refiner and of the discriminator in each step
train refine-synthetic,train simgan	--apart	-	fraction of the training in which the refiner learns by self-regularisation …
train refine-synthetic,train simgan	--judging	-	fraction after it in which the discriminator learns alone
train refine-synthetic,train simgan	--pool	-	refined pictures remembered for the discriminator
train refine-synthetic,train simgan	--noise	-	deviation of noise on what it sees, falling to 0 over the training
train refine-synthetic,train simgan	--looks	-	fields of chance by which a render comes out in many ways
train refine-synthetic,train simgan	--variety	-	how much it is worth that these differ
train	simgan	>	Make renders look like photographs
train	srgan	>	Super-resolution for photographs as they are found, with a GAN
train srgan,train superres,train superres-distilled,train superres-fidelity	--scale	-	enlargement of each side
train srgan,train superres,train superres-distilled,train superres-fidelity	--channels	-	width and depth of the plain stack
train srgan,train superres,train superres-distilled,train superres-fidelity	--layers	-	width and depth of the plain stack
train srgan,train superres,train superres-distilled,train superres-fidelity	--activation	leaky relu	relu is faster in int8
train srgan,train superres	--discriminator	patches unet projected	judges patches of 34 pixels, every pixel by a U-Net, or projected features
train srgan,train superres,train superres-distilled,train superres-fidelity	--crop	-	side of a low-resolution crop, pixels
train srgan,train superres,train superres-distilled	--clean	-	share of inputs that are reduced and nothing else
train srgan,train superres	--light	-	share of inputs that are reduced and saved as JPEG
train srgan,train superres,train superres-distilled	--frequency	-	weight of the spectra\'s L1
train srgan,train superres,train superres-distilled	--stride	-	weight of patterns that repeat with the scale
train srgan,train superres,train superres-distilled	--matching	-	weight of the discriminator\'s features
train srgan,train superres	--gan	-	weight of the relativistic GAN
train srgan,train superres	--content	-	weight of VGG\'s features
train srgan,train superres	--features	<file>	file with the weights of torchvision\'s VGG-19, .pth or .safetensors
train srgan,train superres	--depth	conv2_2 conv5_4	layer of VGG-19 that is compared
train srgan,train superres	--rate	-	of Adam until then, falling by a cosine
train srgan,train superres	--gan-rate	-	of the generator\'s Adam from then on, level, then falling by a cosine
train srgan,train superres	--critic-rate	-	the same of the discriminator\'s
train srgan,train superres,train superres-distilled,train superres-fidelity	--quantise	-	int8 to train for integers of 8 bits, from a model given by --init
train	superres	>	Super-resolution for photographs as they are found, with a GAN
train	superres-distilled	>	Super-resolution learned from a larger network, in three runs
train superres-distilled	--stage	pixels features gan	which terms there are: pixels and spectra, pixels and features, or these and a …
train superres-distilled	--teacher	<file>	model whose outputs are the targets, a name, an .onnx file, or a .pth of RRDB …
train superres-distilled	--denoise	-	the model takes how much noise is to go
train superres-distilled	--critic	-	channels of the discriminator
train superres-distilled	--rendered	-	share of text, line art and screens
train superres-distilled	--dark	-	share of underexposed photos
train superres-distilled	--crops	-	number of crops, 64 pixels of side, that the teacher enlarges, once
train superres-distilled	--kept	<file>	folder for them
train superres-distilled	--features	<file>	fixed network whose features are compared, lite0 or lite1, or a file with its …
train superres-distilled	--perceptual	-	gradient of the features on the pixels, in times that of L1
train superres-distilled	--gan	-	largest weight of the GAN
train superres-distilled	--balance	-	largest gradient of the GAN on the pixels, in times that of L1
train superres-distilled	--measure	-	steps between two measurements of these
train superres-distilled	--alone	-	fraction of a gan run in which only the discriminator learns
train superres-distilled	--critic-rate	-	of the discriminator\'s Adam
train	superres-fidelity	>	Super-resolution by pixel difference, the fidelity start of SRGAN
export	1	<folder>	The folder of a training run
export	--output	<file>	The model file
export	-o	<file>	The model file
export	--best	.	Of the checkpoint nearest to its targets, not the newest
export	--name	-	Name of the model in its contract
export,models import	--licence	-	Its licence
export,models import	--license	-	Its licence
export	--data	-	What it was trained on, in words
evaluate	1	colorize/diverse colorize/photo derain/rain derain/snow face-age/base face-age/years refine-synthetic/eyes superres/photo-x2-fidelity superres/photo-x4 superres/photo-x4-fidelity translate/edges2cats translate/monet <file> <folder>	A model\'s name or file, or the folder of a training run
evaluate	2	<folder>	Folder of pairs, of two kinds of pictures, or of originals, as for training
evaluate	--split	test val train	Which part of DATASET
evaluate	--from	edges grey lowres	Make the inputs of a folder of targets
evaluate	--side	-	Bring the short sides of inputs and targets to N pixels before
evaluate	--limit	-	Only the first N pictures of a kind
evaluate	--features	<file>	Measure the kernel inception distance (KID) too, by this network: N×3×H×W …
evaluate	--device	auto cpu cuda	Where to run
evaluate	--json	.	Print one JSON object instead of a table
compare	*	-	Pictures or films of one thing, or folders of such
compare	--output	<file>	The page
compare	-o	<file>	The page
compare	--models	-	Show what these models make of each picture instead
compare	--reference	<file>	Measure against this picture, or against those of the same names in this folder
compare	--device	auto cpu cuda	Where models run
compare	--json	.	Print one JSON object
recipes	1	acgan-age age-estimator colorize cut cvae-colorize cyclegan derain face-age idcgan ipcgan-age paint pix2pix refine-synthetic simgan srgan superres superres-distilled superres-fidelity	Show all options of this recipe
doctor	--device	auto cpu cuda tensorrt openvino webgpu coreml	The device that must work
doctor	--json	.	A line of JSON for each finding
bench	1	colorize derain face-age refine-synthetic superres translate colorize/diverse colorize/photo derain/rain derain/snow face-age/base face-age/years refine-synthetic/eyes superres/photo-x2-fidelity superres/photo-x4 superres/photo-x4-fidelity translate/edges2cats translate/monet <file>	A task, or a model by name or file
bench	--device	auto cpu cuda	Where
bench	--precision	auto fp32 fp16 bf16	How finely
bench	--size	-	Of the pictures
bench	--seconds	-	For each device, about
bench	--json	.	A line of JSON for each device
completion	1	bash zsh fish powershell	Whose
data	check	>	Say what a folder to train on is, and what to mend
data	pairs	>	Make pairs of a folder of pictures, as files
data pairs	--from	edges grey lowres	What the inputs are to be
data pairs	--output	<folder>	default: FOLDER-FROM
data pairs	-o	<folder>	default: FOLDER-FROM
data pairs	--overwrite	.	Replace files of the same names in OUT
models	list	>	List the models that are here
models	licences	>	List the licences that must be accepted
models	info	>	What the file of a model says of itself
models	pull	>	Download models that are not here yet, or damaged
models	verify	>	Compare the files of models with their hashes
models	path	>	Where the file of a model is
models	import	>	Make a model of a network that another tool has trained
models	rm	>	Delete an imported or a downloaded model
models list	--all	.	Those too that are not here yet
models info,models path	1	colorize/diverse colorize/photo derain/rain derain/snow face-age/base face-age/years refine-synthetic/eyes superres/photo-x2-fidelity superres/photo-x4 superres/photo-x4-fidelity translate/edges2cats translate/monet <file>	A model\'s name, or its file
models pull,models verify	*	-	Names of models
models import	1	<file>	A checkpoint, .pth .pt .ckpt .safetensors, or an .onnx file
models import	--task	colorize derain face-age refine-synthetic superres translate	What it does, as in superres or translate
models import	--name	-	Its name
models import	--layout	nchw nhwc	How an .onnx file takes pictures
models import	--range	-	Black and white of an .onnx file
models import	--overwrite	.	Replace one of yours
models rm	1	-	Of an imported or downloaded model
plugins	list	>	What each plugin brings and takes to import, and why one is off
plugins	new	>	Write a plugin\'s project: it installs, is tested and lints
plugins	check	>	Try plugins as gantool will use them: a line for each law
plugins new	1	colorize/diverse colorize/photo derain/rain derain/snow face-age/base face-age/years refine-synthetic/eyes superres/photo-x2-fidelity superres/photo-x4 superres/photo-x4-fidelity translate/edges2cats translate/monet	What it is to be called, as haze
plugins new	--task	.	With a task
plugins new	--recipe	.	With a recipe for training
plugins check	1	<file>	A plugin, its package, or its project\'s folder
'

function __gantool_rows -S -a wanted -d 'The lines for a command, without the commands'
    set wanted (string escape --style=regex -- $wanted)
    string match -rg -- "^(?:[^\t]*,)?$wanted(?:,[^\t]*)?\t(.*)" $table
end

function __gantool_takes -S -a asked -d 'What a word takes'
    for row in $rows
        set -l fields (string split \t -- $row)
        if test "$fields[1]" = "$asked"
            echo $fields[2]
            return
        end
    end
end

function __gantool_disk -a typed -d 'What is on the disk: fish asks the same for a command that it does not know'
    complete -C "__gantool_nothing $typed"
end

function __gantool_offer -S -a values prefix -d 'Values, and what is on the disk'
    set -l typed (string replace -- "$prefix" '' (commandline -ct))
    for value in (string split -n ' ' -- $values)
        switch $value
            case '<file>'
                string replace -r -- '^' "$prefix" (__gantool_disk "$typed")
            case '<folder>'
                string replace -r -- '^' "$prefix" (__gantool_disk "$typed" | string match -r '.*/(?:\t.*)?$')
            case -
                # what nobody can know
            case '*'
                echo "$prefix$value"
        end
    end
end

function __gantool_complete
    set -l cache $HOME/.cache/gantool
    test -n "$XDG_CACHE_HOME"; and set cache $XDG_CACHE_HOME/gantool
    test -n "$GANTOOL_CACHE_DIR"; and set cache $GANTOOL_CACHE_DIR
    set -l table (string split \n -- $__gantool_shipped)
    test -r $cache/completions.tsv; and read -lz text <$cache/completions.tsv
    and set table (string split \n -- $text)
    set -l path
    set -l place 1
    set -l value ''
    set -l rows (__gantool_rows .)
    set -l typed (commandline -opc)
    for word in $typed[2..]
        if test -n "$value"
            set value ''
            continue
        end
        set -l takes (__gantool_takes $word)
        if string match -q -- '-?*' $word
            test "$takes" != .; and set value $takes
        else if test "$takes" = '>'
            set -a path $word
            set place 1
            set rows (__gantool_rows "$path")
        else
            set place (math $place + 1)
        end
    end
    set -l current (commandline -ct)
    if test -n "$value"
        __gantool_offer $value
    else if string match -q -- '--*=*' $current
        set -l option (string split -m 1 = -- $current)[1]
        __gantool_offer (__gantool_takes $option) $option=
    else
        for row in $rows
            set -l fields (string split \t -- $row)
            if string match -q -- '-*' $fields[1]; or test "$fields[2]" = '>'
                string match -q -- '-*' $fields[1] && not string match -q -- '-*' $current
                or printf '%s\t%s\n' $fields[1] $fields[3]
            else if contains -- $fields[1] $place '*'
                __gantool_offer $fields[2]
            end
        end
    end
end

complete -c gantool -f -a '(__gantool_complete)'
